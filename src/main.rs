//! The command line of Trustwatch.

fn main() {}
