//! The program of `toolbox` under a name that the tests may build.

fn main() -> std::process::ExitCode {
    toolbox::run()
}
