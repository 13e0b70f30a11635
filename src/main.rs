//! The command line of Trustwatch: parse, run, exit with a code that scripts can rely on.

use std::process::ExitCode;

use clap::Parser;
use trustwatch::cli::Cli;

/// Among many small pieces that live long are many large ones that do not: the C library's allocator keeps the gaps
/// between them, more than half of what each of 100,000 sources took.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    Cli::parse().run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
