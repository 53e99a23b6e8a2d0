//! Reads the tool calls of an answer: the model's JSON becomes typed arguments, or a rejection in
//! words the model can mend its call by.

use ipc::agent::{OpenCall, ToolCall, ToolSummary};
use ipc::id::CallRef;
use ipc::model::{Answer, StopReason};
use ipc::tool_args::{BadCall, ToolArgs};

/// A tool call that was read.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// It can be asked.
    Run(ToolCall),
    /// It can not.
    Reject {
        /// Which call.
        request: CallRef,
        /// Why, and how to mend it.
        reason: String,
    },
}

/// The tools on offer in this session.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    names: Vec<String>,
}

impl Offer {
    /// The offer of a session.
    #[must_use]
    pub fn new(tools: &[ToolSummary]) -> Self {
        Self {
            names: tools.iter().map(|tool| tool.name.clone()).collect(),
        }
    }

    /// Whether one of `names` is on offer.
    #[must_use]
    pub fn has_any(&self, names: &[&str]) -> bool {
        self.names.iter().any(|name| names.contains(&name.as_str()))
    }

    /// Reads the calls of an answer, in its order.
    #[must_use]
    pub fn read_answer(&self, answer: &Answer) -> Vec<Call> {
        let calls = (0..).zip(&answer.tool_calls);
        let item = answer.item.id;
        calls
            .map(|(index, call)| {
                let request = CallRef { item, index };
                self.read(request, &call.name, &call.arguments, answer.stop)
            })
            .collect()
    }

    /// Reads the calls a cut-off turn left open.
    #[must_use]
    pub fn read_open(&self, calls: &[OpenCall]) -> Vec<Call> {
        calls
            .iter()
            .map(|open| {
                let call = &open.call;
                self.read(
                    open.request,
                    &call.name,
                    &call.arguments,
                    StopReason::ToolCalls,
                )
            })
            .collect()
    }

    fn read(&self, request: CallRef, name: &str, arguments: &str, stop: StopReason) -> Call {
        match ToolArgs::parse(name, arguments) {
            Ok(args) if self.names.iter().any(|offered| offered == args.name()) => {
                Call::Run(ToolCall { request, args })
            }
            Ok(args) => Call::Reject {
                request,
                reason: self.not_offered(args.name()),
            },
            Err(BadCall::NoSuchTool(name)) => Call::Reject {
                request,
                reason: self.not_offered(&name),
            },
            Err(BadCall::BadArguments { reason, .. }) => Call::Reject {
                request,
                reason: bad_arguments(name, &reason, stop),
            },
        }
    }

    fn not_offered(&self, name: &str) -> String {
        let name = short(name, NAME);
        let mut reason = format!("there is no tool {name:?} here");
        if let Some(nearest) = self.nearest(&name) {
            reason += &format!("; did you mean {nearest:?}?");
        }
        if self.names.is_empty() {
            return reason + " No tools are on offer: answer in words.";
        }
        reason + &format!(" The tools on offer are: {}.", self.names.join(", "))
    }

    fn nearest(&self, name: &str) -> Option<&str> {
        let likeness = |offered: &str| strsim::jaro_winkler(offered, name);
        let best = self
            .names
            .iter()
            .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        (likeness(best) > 0.75).then_some(best)
    }
}

/// Longest part of a model's text that is quoted back to it, in characters.
const NAME: usize = 60;
const REASON: usize = 400;

fn bad_arguments(name: &str, reason: &str, stop: StopReason) -> String {
    let reason = short(reason, REASON);
    let mend = match stop {
        StopReason::Length => {
            "your answer reached its output limit in the middle of this call, so it was not run. \
             Send it again in smaller pieces, such as a shorter file and edits after it."
        }
        StopReason::End | StopReason::ToolCalls | StopReason::Filtered => {
            "the call was not run. Send it again with arguments that are one JSON object as the \
             tool's schema has it."
        }
    };
    format!("bad arguments for {name}: {reason}; {mend}")
}

fn short(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ipc::id::ItemId;

    fn offer(names: &[&str]) -> Offer {
        Offer {
            names: names.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    fn check(
        offer: &Offer,
        name: &str,
        arguments: &str,
        stop: StopReason,
    ) -> Result<String, String> {
        let request = CallRef {
            item: ItemId(1),
            index: 0,
        };
        match offer.read(request, name, arguments, stop) {
            Call::Run(call) => Ok(call.args.name().to_owned()),
            Call::Reject { reason, .. } => Err(reason),
        }
    }

    #[test]
    fn a_call_that_fits_is_asked() {
        let offer = offer(&["exec", "read"]);
        let end = StopReason::ToolCalls;
        assert_eq!(
            check(&offer, "exec", r#"{"command":"true"}"#, end),
            Ok("exec".into())
        );
        assert_eq!(
            check(&offer, "read", r#"{"file_path":"a"}"#, StopReason::Length),
            Ok("read".into())
        );
    }

    #[test]
    fn a_rejection_names_what_would_do() {
        let offer = offer(&["exec", "read"]);
        let end = StopReason::ToolCalls;
        let reason = check(&offer, "read_file", "{}", end).unwrap_err();
        assert!(reason.contains("did you mean \"read\"?"), "{reason}");
        assert!(reason.contains("exec, read"), "{reason}");
        let reason = check(&offer, "exec", "{}", end).unwrap_err();
        assert!(reason.contains("`command`"), "{reason}");
        let reason = check(&offer, "write", r#"{"path":"a","content":""}"#, end).unwrap_err();
        assert!(
            reason.contains("there is no tool \"write\" here"),
            "{reason}"
        );
    }

    #[test]
    fn a_call_cut_by_the_output_limit_is_told_so() {
        let offer = offer(&["exec"]);
        let reason = check(&offer, "exec", r#"{"command":"tr"#, StopReason::Length).unwrap_err();
        assert!(reason.contains("output limit"), "{reason}");
    }

    #[test]
    fn a_rejection_is_short_however_long_the_call() {
        let offer = offer(&["exec"]);
        let long = "ü".repeat(100_000);
        let end = StopReason::ToolCalls;
        assert!(check(&offer, &long, "{}", end).unwrap_err().len() < 1000);
        let arguments = format!(r#"{{"command":"a","security":"{long}"}}"#);
        let reason = check(&offer, "exec", &arguments, end).unwrap_err();
        assert!(reason.len() < 2000, "{}", reason.len());
    }
}
