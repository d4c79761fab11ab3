//! The `servent` program: everything is in the library, see [`servent::ui`].

use std::process::ExitCode;

fn main() -> ExitCode {
    servent::ui::main()
}
