//! The program of `jail` under a name that the tests may build.

fn main() -> std::process::ExitCode {
    jail::enter::enter().into()
}
