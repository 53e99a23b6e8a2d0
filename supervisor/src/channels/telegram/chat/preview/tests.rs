//! Laws of what is due when.

use super::*;
use proptest::prelude::*;
use serde_json::json;

const HERE: (&str, i64) = ("default", 7);

fn began(turn: u64, chat: i64) -> Outbound {
    Outbound::Began(Began {
        turn: TurnId(turn),
        channel: "telegram".to_owned(),
        target: json!({
            "account": "default", "chat": chat, "message": 3, "sender": "7", "name": "Alice",
        }),
    })
}

fn delta(text: &str) -> Outbound {
    Outbound::Delta(text.to_owned())
}

fn tool(detail: &str) -> Outbound {
    Outbound::Activity(Activity::ToolBegan {
        tool: "exec".to_owned(),
        detail: detail.to_owned(),
    })
}

fn tool_ended() -> Outbound {
    Outbound::Activity(Activity::ToolEnded {
        tool: "exec".to_owned(),
        verdict: "ok".to_owned(),
    })
}

struct Story {
    preview: Preview,
    begin: Instant,
    shown: Option<Shown>,
}

impl Story {
    fn new() -> Self {
        let mut preview = Preview::default();
        let begin = Instant::now();
        preview.hear(HERE, &began(1, 7), begin);
        Self {
            preview,
            begin,
            shown: None,
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.begin + Duration::from_millis(ms)
    }

    fn hears(&mut self, ms: u64, said: &Outbound) {
        let now = self.at(ms);
        self.preview.hear(HERE, said, now);
    }

    /// Milliseconds after the begin.
    fn due(&self, way: Way) -> Option<u128> {
        let due = self.preview.running()?.due(self.shown.as_ref(), way)?;
        Some(due.duration_since(self.begin).as_millis())
    }

    fn shows(&mut self, ms: u64) {
        let now = self.at(ms);
        let running = self.preview.running().unwrap();
        self.shown = Some(running.shown(self.shown.as_ref(), now));
    }
}

const MESSAGE: Way = Way::Message { group: false };

#[test]
fn enough_is_shown_at_once_and_little_after_a_second() {
    let mut story = Story::new();
    assert_eq!(story.due(MESSAGE), None);
    story.hears(100, &delta("Hello"));
    assert_eq!(story.due(MESSAGE), Some(1_100));
    story.hears(300, &delta(&"x".repeat(25)));
    assert_eq!(story.due(MESSAGE), Some(100));
}

#[test]
fn what_did_not_change_is_not_due() {
    let mut story = Story::new();
    story.hears(0, &delta(&"x".repeat(40)));
    story.shows(10);
    assert_eq!(story.due(MESSAGE), None);
    story.hears(20, &delta("more"));
    assert_eq!(story.due(MESSAGE), Some(1_010));
}

#[test]
fn a_tool_has_a_line_unless_it_is_quick() {
    let mut story = Story::new();
    story.hears(100, &tool("pip  install\nrequests"));
    assert_eq!(story.due(MESSAGE), Some(800));
    let status = |story: &Story, ms| story.preview.running().unwrap().status(story.at(ms));
    assert_eq!(status(&story, 700), None);
    assert_eq!(status(&story, 800).unwrap(), "exec: pip install requests");
    story.shows(800);
    assert_eq!(story.due(MESSAGE), None);
    story.hears(900, &tool_ended());
    assert_eq!(story.due(MESSAGE), Some(1_800), "the line goes");
    story.shows(1_800);
    assert_eq!(story.due(MESSAGE), None);
}

#[test]
fn a_draft_shows_at_once_and_does_not_fade() {
    let mut story = Story::new();
    assert_eq!(story.due(Way::Draft), Some(0));
    story.shows(5);
    assert_eq!(story.due(Way::Draft), Some(20_005));
    story.hears(10, &delta("Hi, here is what I think of all that."));
    assert_eq!(story.due(Way::Draft), Some(1_005));
}

#[test]
fn in_a_group_edits_become_rare() {
    let mut story = Story::new();
    story.hears(0, &delta(&"x".repeat(40)));
    let way = Way::Message { group: true };
    let mut gaps = Vec::new();
    let mut last = 0;
    for _ in 0..6 {
        story.hears(last, &delta("more"));
        let due = u64::try_from(story.due(way).unwrap()).unwrap();
        gaps.push(due - last);
        story.shows(due);
        last = due;
    }
    assert_eq!(gaps, [0, 1_000, 1_000, 1_000, 5_000, 5_000]);
}

#[test]
fn only_turns_of_this_chat_are_shown() {
    let mut preview = Preview::default();
    let now = Instant::now();
    for elsewhere in [began(1, 8), {
        let Outbound::Began(mut cli) = began(1, 7) else {
            unreachable!()
        };
        cli.channel = "cli".to_owned();
        Outbound::Began(cli)
    }] {
        preview.hear(HERE, &elsewhere, now);
        preview.hear(HERE, &delta("secret"), now);
        assert!(preview.running().is_none() && preview.is_alive(now));
    }
    preview.hear(HERE, &began(2, 7), now);
    assert_eq!(preview.running().unwrap().text, "");
}

#[test]
fn somebody_waits_until_their_turn_is_over() {
    let mut preview = Preview::default();
    let now = Instant::now();
    assert_eq!(preview.waits(now), None);
    let place = Place {
        account: "default".to_owned(),
        chat: 7,
        thread: None,
    };
    preview.expect(&place, now);
    assert_eq!(preview.waits(now), Some(&place));
    assert_eq!(preview.waits(now + SOON), None);
    preview.hear(HERE, &began(1, 7), now);
    assert_eq!(preview.waits(now + SOON), Some(&place));
    preview.take_up(HERE, None, "", now);
    assert!(preview.waits(now).is_none() && !preview.is_alive(now));
}

proptest! {
    #[test]
    fn edits_are_a_second_apart_and_each_shows_something_new(
        said in prop::collection::vec((0..900_u64, 0..5_u8), 1..40),
    ) {
        let mut story = Story::new();
        let mut now = 0;
        let mut shown: Vec<(u64, String, Option<String>)> = Vec::new();
        for (wait, what) in said {
            let until = now + wait;
            while let Some(due) = story.due(MESSAGE).map(|due| u64::try_from(due).unwrap().max(now)) {
                if due > until { break; }
                now = due;
                let at = story.at(now);
                let running = story.preview.running().unwrap();
                let look = (now, running.text.clone(), running.status(at));
                // What looks the same is not sent.
                if shown.last().is_none_or(|last| (&last.1, &last.2) != (&look.1, &look.2)) {
                    shown.push(look);
                }
                story.shows(now);
            }
            now = until;
            let what = match what {
                0 => Outbound::Undelta,
                1 => tool("ls"),
                2 => tool_ended(),
                _ => delta("some more words "),
            };
            story.hears(now, &what);
        }
        for two in shown.windows(2) {
            prop_assert!(two[1].0 - two[0].0 >= 1_000);
            prop_assert_ne!((&two[1].1, &two[1].2), (&two[0].1, &two[0].2));
        }
        for (_, text, status) in &shown {
            prop_assert!(!text.is_empty() || status.is_some() || shown.len() > 1);
        }
    }
}
