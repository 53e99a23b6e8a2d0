//! A command that waits for a person's word, as people read it.

use ipc::approval::ApprovalRequest;

/// What would run, where, and why that is asked about. Each line of the command stands behind a bar:
/// no command can look like something we say.
pub(super) fn what(request: &ApprovalRequest) -> String {
    let mut text = String::new();
    for line in request.command.lines() {
        text.push_str(&format!("  | {line}\n"));
    }
    if !request.workdir.is_empty() {
        text.push_str(&format!("  in {:?}\n", request.workdir));
    }
    if request.elevated {
        text.push_str("  ELEVATED: in the wider walls of tools.elevated\n");
    }
    text.push_str(&format!("  asked because {}", request.reason));
    if let Some(program) = &request.program {
        text.push_str(&format!("; always would allow {program}"));
    }
    text
}
