//! The program of `agent-proc` under a name that the tests may build.

fn main() -> std::process::ExitCode {
    agent_proc::run()
}
