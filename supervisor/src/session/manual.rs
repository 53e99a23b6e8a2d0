//! The commands a session knows, for people and for menus.

/// A command, as people are told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    /// Without its slash: `model`.
    pub(crate) name: &'static str,
    /// What may follow: `[REF|default]`.
    pub(crate) args: &'static str,
    /// What it does, in a few words.
    pub(crate) what: &'static str,
}

const fn known(name: &'static str, args: &'static str, what: &'static str) -> Known {
    Known { name, args, what }
}

/// Every command of a session, in the order people want them.
pub(crate) const KNOWN: [Known; 16] = [
    known("status", "", "what the session does and uses"),
    known("new", "[model] [words]", "begin the session anew"),
    known("reset", "[words]", "the same as /new"),
    known("stop", "[all]", "stop what runs; all: what waits, too"),
    known("model", "[name|default]", "show or choose the model"),
    known("models", "[provider]", "the models there are"),
    known("think", "[level|default]", "how long the model thinks"),
    known("compact", "[wishes]", "fold the history into a summary"),
    known("context", "", "what fills the model's context"),
    known("usage", "", "tokens and cost"),
    known("subagents", "", "helpers of this session"),
    known("kill", "[job|all]", "end running commands"),
    known("approve", "ID WORD", "your word on a command that waits"),
    known(
        "queue",
        "[mode|default]",
        "what becomes of messages that come in a turn",
    ),
    known(
        "elevated",
        "[on|ask|full|off]",
        "wider walls for commands that ask for them",
    ),
    known("help", "", "this list"),
];

/// One line a command.
pub(crate) fn list<'a>(known: impl IntoIterator<Item = &'a Known>) -> String {
    let line = |known: &Known| {
        let args = match known.args {
            "" => String::new(),
            args => format!(" {args}"),
        };
        format!("`/{}{args}`  {}", known.name, known.what)
    };
    let lines: Vec<String> = known.into_iter().map(line).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_fits_a_menu() {
        for known in KNOWN {
            let name = known.name;
            assert!((1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase()));
            assert!((1..=256).contains(&known.what.chars().count()));
        }
    }
}
