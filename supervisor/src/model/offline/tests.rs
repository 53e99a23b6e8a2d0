use super::*;
use crate::model::render::samples::{context, user};
use ipc::id::{CallRef, ItemId};
use ipc::tool::Capture;

fn exited(code: i32, text: &str) -> ToolOutcome {
    ToolOutcome::Exited {
        code,
        output: Capture::whole(text),
    }
}

/// A session with the responder in it, played as the loop plays it.
#[derive(Default)]
struct Talk {
    items: Vec<TranscriptItem>,
}

impl Talk {
    /// Says something; gives the calls that were made and the last answer.
    fn says(
        &mut self,
        text: &str,
        mut run: impl FnMut(&str) -> ToolOutcome,
    ) -> (Vec<String>, String) {
        self.items.push(user(text));
        let mut calls = Vec::new();
        loop {
            let answer = respond(
                &context(self.items.clone()),
                &ipc::tool_args::catalogue(),
                None,
                "",
            );
            assert!(answer.tool_calls.len() <= 1);
            self.items.push(TranscriptItem::Answer {
                text: answer.text.clone(),
                tool_calls: answer.tool_calls.clone(),
                model: answer.model.to_string(),
                usage: answer.usage,
                carried: None,
            });
            let Some(call) = answer.tool_calls.first() else {
                return (calls, answer.text);
            };
            // Every call is one the tool takes.
            ipc::tool_args::ToolArgs::parse(&call.name, &call.arguments).unwrap();
            let shown = format!("{} {}", call.name, call.arguments);
            let item = ItemId(self.items.len() as u64);
            self.items.push(TranscriptItem::Outcome {
                call: CallRef { item, index: 0 },
                tool: call.name.clone(),
                outcome: run(&shown),
                behind: None,
            });
            calls.push(shown);
        }
    }
}

fn once(text: &str, outcome: ToolOutcome) -> String {
    let mut talk = Talk::default();
    talk.says("help", |_| unreachable!());
    talk.says(text, |_| outcome.clone()).1
}

#[test]
fn a_command_is_run_and_its_output_told() {
    let mut talk = Talk::default();
    let (calls, text) = talk.says("run echo hi", |_| exited(0, "hi\n"));
    assert_eq!(calls, [r#"exec {"command":"echo hi"}"#]);
    assert!(
        text.starts_with("I am OpenClaw's built-in offline responder"),
        "{text}"
    );
    assert!(text.ends_with("\n\nIt printed: hi"), "{text}");
}

#[test]
fn who_it_is_is_said_once() {
    let mut talk = Talk::default();
    assert!(
        talk.says("run a", |_| exited(0, ""))
            .1
            .contains("offline responder")
    );
    assert_eq!(
        talk.says("run b", |_| exited(0, "")).1,
        "Done; it printed nothing."
    );
    assert!(
        !talk
            .says("what?", |_| unreachable!())
            .1
            .contains("OPENAI_API_KEY")
    );
}

#[test]
fn every_way_a_command_ends_is_told_in_words() {
    let output = Capture::whole("x");
    let told = |outcome| once("run make", outcome);
    assert_eq!(
        told(exited(2, "x")),
        "run make failed with exit code 2. It printed: x"
    );
    assert_eq!(
        told(ToolOutcome::Signaled {
            signal: 9,
            output: output.clone()
        }),
        "run make was ended by signal 9. It printed: x"
    );
    assert!(
        told(ToolOutcome::TimedOut {
            after_ms: 5000,
            output
        })
        .contains("longer than 5 s")
    );
    assert!(told(ToolOutcome::Interrupted).contains("did not run it again"));
    assert_eq!(
        told(ToolOutcome::Denied {
            reason: "no".into()
        }),
        "I may not run make: no"
    );
    assert_eq!(
        told(ToolOutcome::Failed {
            reason: "no".into()
        }),
        "I could not run make: no"
    );
    let running = ToolOutcome::Running {
        job: "j1".into(),
        output: Capture::default(),
    };
    assert!(told(running).contains("background as j1"));
}

#[test]
fn several_commands_run_one_after_the_other_in_order() {
    let mut talk = Talk::default();
    let (calls, text) = talk.says("write hi to a.txt\nread a.txt and then list", |call| {
        ToolOutcome::Text {
            text: if call.starts_with("read") {
                "hi\n".into()
            } else {
                "ok".into()
            },
        }
    });
    let tools: Vec<_> = calls.iter().map(|c| c.split(' ').next().unwrap()).collect();
    assert_eq!(tools, ["write", "read", "ls"]);
    assert!(
        text.ends_with("ok\n\na.txt says: hi\n\nIn the workspace: ok"),
        "{text}"
    );
}

#[test]
fn a_step_after_a_failure_is_not_done_but_the_next_line_is() {
    let mut talk = Talk::default();
    let (calls, text) = talk.says("run false and then run deploy\nrun date", |call| {
        exited(i32::from(call.contains("false")), "")
    });
    assert_eq!(calls.len(), 2);
    assert!(
        text.contains("Not done, because the step before it failed: run deploy"),
        "{text}"
    );
    assert!(text.ends_with("Done; it printed nothing."), "{text}");
}

#[test]
fn a_cancelled_turn_is_not_taken_up_by_the_next_message() {
    let items = vec![
        user("run a\nrun b"),
        TranscriptItem::Answer {
            text: String::new(),
            tool_calls: vec![ToolRequest {
                id: "offline_0".into(),
                name: "exec".into(),
                arguments: "{}".into(),
            }],
            model: "offline/responder".into(),
            usage: Usage::default(),
            carried: None,
        },
        TranscriptItem::Outcome {
            call: CallRef {
                item: ItemId(2),
                index: 0,
            },
            tool: "exec".into(),
            outcome: ToolOutcome::Cancelled {
                output: Capture::default(),
            },
            behind: None,
        },
    ];
    let mut talk = Talk { items };
    let (calls, text) = talk.says("run c", |_| exited(0, "c"));
    assert_eq!(calls, [r#"exec {"command":"c"}"#]);
    assert!(
        text.contains("run a was cancelled") && !text.contains("run b"),
        "{text}"
    );
}

#[test]
fn a_call_whose_outcome_was_lost_is_not_made_again() {
    let mut talk = Talk::default();
    talk.says("help", |_| unreachable!());
    talk.items.push(user("run a"));
    let answer = respond(
        &context(talk.items.clone()),
        &ipc::tool_args::catalogue(),
        None,
        "",
    );
    talk.items.push(TranscriptItem::Answer {
        text: String::new(),
        tool_calls: answer.tool_calls,
        model: String::new(),
        usage: Usage::default(),
        carried: None,
    });
    let (calls, text) = talk.says("help", |_| unreachable!());
    assert!(
        calls.is_empty() && text.contains("I did not run it again"),
        "{text}"
    );
}

#[test]
fn a_tool_that_is_not_on_offer_is_named() {
    let context = context(vec![user("run a and then list\nstatus")]);
    let status: Vec<_> = ipc::tool_args::catalogue()
        .into_iter()
        .filter(|t| t.name == "session_status")
        .collect();
    let answer = respond(&context, &status, None, "");
    assert_eq!(answer.tool_calls[0].name, "session_status");
    let answer = respond(&context, &[], None, "");
    assert!(
        answer.text.contains("no tool named exec")
            && answer.text.contains("no tool named session_status")
    );
}

#[test]
fn only_notes_are_answered_with_silence() {
    let context = context(vec![TranscriptItem::Note {
        text: "flush".into(),
    }]);
    assert_eq!(respond(&context, &[], None, "").text, "NO_REPLY");
}

#[test]
fn a_digest_keeps_the_newest_and_is_bounded() {
    let items = (0..500)
        .map(|i| user(&format!("message {i} {}", "x".repeat(100))))
        .collect();
    let digest = respond(&context(items), &[], Some("Summarise."), "").text;
    assert!(digest.len() < 9_000);
    assert!(digest.contains("message 499") && digest.contains("older lines left out"));
}

#[test]
fn what_a_channel_put_around_the_words_is_no_command() {
    let (calls, _) = Talk::default().says(
        "[telegram: said here since your last answer, not to you:]\n[telegram: Bob] run rm x\n\
         [telegram: and now to you:]\n[telegram: Alice; in reply to Bob: \"run rm x\"] run echo hi",
        |_| exited(0, "hi\n"),
    );
    assert_eq!(calls, [r#"exec {"command":"echo hi"}"#]);
}

#[test]
fn who_is_shown_something_is_told_that_it_can_not_see() {
    let mut talk = Talk::default();
    talk.says("help", |_| unreachable!());
    let (_, text) = talk.says("[telegram: picture inbox/a.jpg]", |_| unreachable!());
    assert!(text.contains("see no pictures"), "{text}");
    assert!(!text.contains("did not understand"), "{text}");
}
