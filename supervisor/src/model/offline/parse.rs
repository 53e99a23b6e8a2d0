//! From a person's message to commands.

use super::commands::Command;

/// A command, and what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Parsed {
    pub(super) command: Command,
    /// It stood after "and then".
    pub(super) after_success: bool,
}

const VERBS: [&str; 14] = [
    "run",
    "background",
    "jobs",
    "poll",
    "kill",
    "read",
    "write",
    "append",
    "list",
    "ls",
    "remember",
    "status",
    "agents",
    "help",
];

/// How lines begin that a channel put around a person's words.
const FRAME: &str = "[telegram:";
/// What stands between words that were not for us and those that are.
const TO_US: &str = "[telegram: and now to you:]\n";

/// A person's own words, without what their channel put around them: who speaks, what was said
/// before, what came with it.
pub(super) fn spoken(message: &str) -> String {
    let to_us = message.rsplit_once(TO_US).map_or(message, |(_, rest)| rest);
    let own = to_us.lines().map(|line| match line.starts_with(FRAME) {
        // No bracket closes in the frame but its own.
        true => line.split_once(']').map_or("", |(_, own)| own.trim_start()),
        false => line,
    });
    own.collect::<Vec<_>>().join("\n")
}

/// Reads a message. Anything that is no command makes one [`Command::Unknown`], not one a line.
pub(super) fn parse(message: &str) -> Vec<Parsed> {
    let mut found: Vec<Parsed> = Vec::new();
    let mut lines = message.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            continue;
        }
        if let Some((verb, path)) = takes_the_rest(line) {
            let text: Vec<&str> = lines.by_ref().collect();
            let text = with_newline(text.join("\n"));
            found.push(alone(to_file(verb, text, path)));
            break;
        }
        let mut whole = line.to_owned();
        if wants_more_lines(line) && message.lines().any(ends_with_path) {
            while !ends_with_path(&whole) {
                let Some(next) = lines.next() else { break };
                whole.push('\n');
                whole.push_str(next);
            }
        }
        found.extend(steps(&whole));
    }
    if found.is_empty() {
        found.push(alone(Command::Unknown));
    }
    found.dedup_by(|b, a| a.command == Command::Unknown && b.command == Command::Unknown);
    found
}

fn alone(command: Command) -> Parsed {
    Parsed {
        command,
        after_success: false,
    }
}

/// `write to PATH:`, whose text is all that follows.
fn takes_the_rest(line: &str) -> Option<(&'static str, String)> {
    let (verb, rest) = verb_of(line)?;
    let path = rest.strip_prefix("to ")?.strip_suffix(':')?;
    let is_file_verb = matches!(verb, "write" | "append");
    (is_file_verb && is_path(path)).then(|| (verb, bare(path).to_owned()))
}

/// `write …` whose `to PATH` comes some lines later.
fn wants_more_lines(line: &str) -> bool {
    verb_of(line).is_some_and(|(verb, _)| matches!(verb, "write" | "append"))
        && !ends_with_path(line)
}

fn ends_with_path(text: &str) -> bool {
    text.rsplit_once(" to ")
        .or_else(|| text.rsplit_once("\nto "))
        .or_else(|| text.strip_prefix("to ").map(|path| ("", path)))
        .is_some_and(|(_, path)| is_path(path))
}

fn is_path(text: &str) -> bool {
    let text = text.trim();
    let quoted = bare(text) != text;
    !text.is_empty() && (quoted || !text.contains(char::is_whitespace))
}

/// Parts a line at every "and then" before a verb.
fn steps(line: &str) -> Vec<Parsed> {
    const JOINT: &str = " and then ";
    let mut found = Vec::new();
    let mut from = 0;
    let mut search = 0;
    while let Some(at) = line[search..].find(JOINT).map(|at| at + search) {
        search = at + JOINT.len();
        if verb_of(&line[search..]).is_some() {
            found.push(&line[from..at]);
            from = search;
        }
    }
    found.push(&line[from..]);
    found
        .iter()
        .enumerate()
        .map(|(i, step)| Parsed {
            command: command(step),
            after_success: i > 0,
        })
        .collect()
}

/// The verb a step begins with, and what follows it.
fn verb_of(step: &str) -> Option<(&'static str, &str)> {
    let step = step.trim();
    let step = strip_word(step, "please").unwrap_or(step);
    VERBS
        .iter()
        .find_map(|verb| Some((*verb, strip_word(step, verb)?.trim())))
}

/// What follows `word`, whatever its case; `word` must end there.
fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let head = text.get(..word.len())?;
    let rest = &text[word.len()..];
    let ends = rest.is_empty() || rest.starts_with([' ', '\t', '\n', ':', '.', '!', '?']);
    (head.eq_ignore_ascii_case(word) && ends).then(|| rest.trim_start_matches([' ', '\t', ':']))
}

fn command(step: &str) -> Command {
    let Some((verb, rest)) = verb_of(step) else {
        return Command::Unknown;
    };
    let text = bare(rest).to_owned();
    let is_bare_verb = rest.trim_end_matches(['.', '!', '?']).is_empty();
    match verb {
        "jobs" if is_bare_verb => Command::Jobs,
        "status" if is_bare_verb => Command::Status,
        "agents" if is_bare_verb => Command::Agents,
        "help" if is_bare_verb => Command::Help,
        "list" | "ls" if is_bare_verb => Command::List { path: None },
        "jobs" | "status" | "agents" | "help" => Command::Unknown,
        "list" | "ls" => Command::List { path: Some(text) },
        "run" if !text.is_empty() => Command::Run { command: text },
        "run" => Command::Incomplete {
            usage: "run COMMAND, such as: run echo hi",
        },
        "background" if !text.is_empty() => Command::Background { command: text },
        "background" => Command::Incomplete {
            usage: "background COMMAND, such as: background sleep 60",
        },
        "poll" if !text.is_empty() => Command::Poll { job: text },
        "poll" => Command::Incomplete {
            usage: "poll JOB; jobs lists them",
        },
        "kill" if !text.is_empty() => Command::Kill { job: text },
        "kill" => Command::Incomplete {
            usage: "kill JOB; jobs lists them",
        },
        "remember" if !text.is_empty() => Command::Remember { text },
        "remember" => Command::Incomplete {
            usage: "remember TEXT",
        },
        "read" => read(rest),
        verb => file_step(verb, rest),
    }
}

fn read(rest: &str) -> Command {
    let (path, from) = match rest.rsplit_once(" from ") {
        Some((path, line)) => match line.trim_start_matches("line ").trim().parse() {
            Ok(line) => (path, Some(line)),
            Err(_) => (rest, None),
        },
        None => (rest, None),
    };
    if path.is_empty() {
        return Command::Incomplete {
            usage: "read PATH, or: read PATH from LINE",
        };
    }
    Command::Read {
        path: bare(path).to_owned(),
        from,
    }
}

/// `TEXT to PATH`.
fn file_step(verb: &str, rest: &str) -> Command {
    let parted = rest
        .rsplit_once("\nto ")
        .or_else(|| rest.rsplit_once(" to "));
    match parted {
        Some((text, path)) if is_path(path) => to_file(
            verb,
            with_newline(bare(text).to_owned()),
            bare(path).to_owned(),
        ),
        Some(_) | None if verb == "write" => Command::Incomplete {
            usage: "write TEXT to PATH, or: write to PATH: and the text in the lines that follow",
        },
        Some(_) | None => Command::Incomplete {
            usage: "append TEXT to PATH",
        },
    }
}

fn to_file(verb: &str, text: String, path: String) -> Command {
    if verb == "write" {
        Command::Write { text, path }
    } else {
        Command::Append { text, path }
    }
}

fn with_newline(mut text: String) -> String {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Without the quotes or backticks around all of it.
fn bare(text: &str) -> &str {
    let text = text.trim();
    for mark in ['`', '"', '\''] {
        let inner = text.strip_prefix(mark).and_then(|t| t.strip_suffix(mark));
        if let Some(inner) = inner.filter(|i| !i.is_empty() && !i.contains(mark)) {
            return inner;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(message: &str) -> Command {
        let mut parsed = parse(message);
        assert_eq!(parsed.len(), 1, "{parsed:?}");
        parsed.remove(0).command
    }

    #[test]
    fn every_verb_is_understood() {
        let s = String::from;
        assert_eq!(
            one("run echo hi"),
            Command::Run {
                command: s("echo hi")
            }
        );
        assert_eq!(
            one("Please RUN `echo \"hi\"`"),
            Command::Run {
                command: s("echo \"hi\"")
            }
        );
        assert_eq!(
            one("read a.txt from 7"),
            Command::Read {
                path: s("a.txt"),
                from: Some(7)
            }
        );
        assert_eq!(
            one("read \"a b.txt\""),
            Command::Read {
                path: s("a b.txt"),
                from: None
            }
        );
        assert_eq!(
            one("read notes from home.txt").shown(),
            "read notes from home.txt"
        );
        assert_eq!(
            one("write hi to all to a/b.txt"),
            Command::Write {
                text: s("hi to all\n"),
                path: s("a/b.txt")
            }
        );
        assert_eq!(
            one("append x to log"),
            Command::Append {
                text: s("x\n"),
                path: s("log")
            }
        );
        assert_eq!(one("list"), Command::List { path: None });
        assert_eq!(
            one("list src"),
            Command::List {
                path: Some(s("src"))
            }
        );
        assert_eq!(
            one("remember the milk"),
            Command::Remember {
                text: s("the milk")
            }
        );
        assert_eq!(one("status"), Command::Status);
        assert_eq!(one("agents?"), Command::Agents);
        assert_eq!(one("Help!"), Command::Help);
        assert_eq!(one("kill job-1"), Command::Kill { job: s("job-1") });
    }

    #[test]
    fn other_talk_is_one_unknown() {
        assert_eq!(one("Hello,\nhow are you?\n\nBye"), Command::Unknown);
        assert_eq!(one("running late"), Command::Unknown);
        assert_eq!(one("status of the union"), Command::Unknown);
        assert_eq!(one(""), Command::Unknown);
    }

    #[test]
    fn a_command_without_what_it_needs_says_what_it_needs() {
        for message in [
            "run",
            "read",
            "write",
            "write hello",
            "append x",
            "remember",
            "poll",
        ] {
            assert!(
                matches!(one(message), Command::Incomplete { .. }),
                "{message}"
            );
        }
    }

    #[test]
    fn lines_are_independent_and_steps_are_not() {
        let parsed = parse("run a and then read b and then c\nrun this and then that");
        let shown: Vec<_> = parsed
            .iter()
            .map(|p| (p.command.shown(), p.after_success))
            .collect();
        let expected = [
            ("run a", false),
            ("read b and then c", true),
            ("run this and then that", false),
        ];
        assert_eq!(
            shown,
            expected.map(|(text, after)| (text.to_owned(), after))
        );
    }

    #[test]
    fn text_of_many_lines_is_taken_whole() {
        let write = |text: &str, path: &str| Command::Write {
            text: text.into(),
            path: path.into(),
        };
        assert_eq!(
            one("write to a.py:\nprint(1)\n\nrun(2)"),
            write("print(1)\n\nrun(2)\n", "a.py")
        );
        assert_eq!(
            one("write first\nrun second\nto a.txt"),
            write("first\nrun second\n", "a.txt")
        );
        assert_eq!(one("write a\nb to c.txt"), write("a\nb\n", "c.txt"));
    }

    proptest::proptest! {
        #[test]
        fn any_message_is_read(message in "(run|write|to|read| |\n|:|and then|[a-zä`'\"]){0,20}") {
            proptest::prop_assert!(!parse(&message).is_empty());
        }
    }
}
