//! The command line of Trustwatch: parse, run, exit with a code that scripts can rely on.

use std::process::ExitCode;

use clap::Parser;
use trustwatch::cli::Cli;

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
