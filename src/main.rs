//! The `modelgate` program: everything is in the library.

use std::process::ExitCode;

use modelgate::environment::Environment;

fn main() -> ExitCode {
    modelgate::facts::evaluation::silence_decoders();
    modelgate::cli::run(std::env::args_os(), &Environment::read()).into()
}
