//! The program of `supervisor` under a name that the tests may build.

fn main() -> std::process::ExitCode {
    supervisor::cli::main()
}
