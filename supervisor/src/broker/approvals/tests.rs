use super::*;
use ApprovalDecision::{AllowAlways, AllowOnce, Deny};

const WITHIN: Duration = Duration::from_secs(120);

fn question(session: &str, program: Option<&str>) -> Question {
    Question {
        session: session.into(),
        command: "rm x".to_owned(),
        workdir: String::new(),
        reason: "why".to_owned(),
        elevated: false,
        program: program.map(PathBuf::from),
        within: WITHIN,
    }
}

fn word(decision: ApprovalDecision) -> Word {
    Word {
        decision,
        by: "cli".to_owned(),
    }
}

struct Room {
    approvals: Approvals,
    watchers: broadcast::Sender<Arc<Outbound>>,
    events: broadcast::Receiver<Arc<Outbound>>,
}

impl Room {
    fn new() -> Self {
        let (watchers, events) = broadcast::channel(64);
        Self {
            approvals: Approvals::default(),
            watchers,
            events,
        }
    }

    fn ask(&self, session: &str, program: Option<&str>) -> Asked {
        let question = question(session, program);
        self.approvals.ask(question, self.watchers.clone())
    }

    fn answer(&self, id: &str, decision: ApprovalDecision) -> Result<ApprovalRequest, NoAnswer> {
        self.approvals.answer(id, None, &word(decision))
    }

    /// Everything that was shown, as `asked` or what the end was.
    fn shown(&mut self) -> Vec<String> {
        let mut shown = Vec::new();
        while let Ok(outbound) = self.events.try_recv() {
            let Outbound::Activity(activity) = &*outbound else {
                panic!("activity is all that is told here");
            };
            shown.push(match activity {
                Activity::ApprovalAsked(_) => "asked".to_owned(),
                Activity::ApprovalEnded(end) => ended(end),
                Activity::ToolBegan { .. }
                | Activity::ToolEnded { .. }
                | Activity::Notice { .. } => panic!("nothing else is said here"),
            });
        }
        shown
    }
}

#[tokio::test(start_paused = true)]
async fn a_word_ends_the_waiting_and_everyone_hears_it() {
    for decision in [AllowOnce, AllowAlways, Deny] {
        let mut room = Room::new();
        let asked = room.ask("agent:main:main", Some("/usr/bin/rm"));
        let id = asked.request.id.clone();
        assert_eq!(
            room.approvals.waiting(None),
            std::slice::from_ref(&asked.request)
        );
        let answered = room.answer(&id[..3], decision).unwrap();
        assert_eq!(answered.id, id);
        let heard = asked.heard(&CancellationToken::new()).await;
        assert_eq!(heard, Heard::Word(word(decision)));
        assert_eq!(room.approvals.waiting(None), []);
        assert_eq!(room.shown().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_no_after_its_time_and_not_before() {
    let mut room = Room::new();
    let asked = room.ask("agent:main:main", None);
    let id = asked.request.id.clone();
    assert_eq!(asked.request.expires_at - asked.request.asked_at, 120_000);
    let began = Instant::now();
    assert_eq!(asked.heard(&CancellationToken::new()).await, Heard::Nobody);
    let waited = began.elapsed();
    assert!(
        waited >= WITHIN && waited < WITHIN + Duration::from_secs(1),
        "{waited:?}"
    );
    let late = room.answer(&id, AllowOnce).unwrap_err();
    assert!(late.to_string().contains("nobody answered"), "{late}");
    assert_eq!(room.shown().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_ends_takes_its_questions_along() {
    let mut room = Room::new();
    let cancel = CancellationToken::new();
    let asked = room.ask("agent:main:main", None);
    cancel.cancel();
    assert_eq!(asked.heard(&cancel).await, Heard::Cancelled);
    drop(room.ask("agent:main:main", None));
    assert_eq!(room.approvals.waiting(None), []);
    assert_eq!(room.shown().len(), 4);
}

#[test]
fn answering_twice_tells_of_the_first_answer() {
    let room = Room::new();
    let asked = room.ask("agent:main:main", None);
    let id = &asked.request.id;
    room.answer(id, Deny).unwrap();
    let again = room.answer(id, AllowOnce).unwrap_err();
    assert_eq!(
        again.to_string(),
        format!("{id} waits no more: denied by cli")
    );
}

#[test]
fn an_answer_must_mean_one_question() {
    let room = Room::new();
    let asked: Vec<_> = (0..64).map(|_| room.ask("agent:main:main", None)).collect();
    assert_eq!(room.approvals.waiting(None).len(), 64);
    // Among so many names, two begin alike.
    let mut first: Vec<&str> = asked.iter().map(|asked| &asked.request.id[..1]).collect();
    first.sort_unstable();
    let twice = first.windows(2).find(|pair| pair[0] == pair[1]).unwrap()[0];
    let vague = room.answer(twice, AllowOnce).unwrap_err();
    assert!(matches!(vague, NoAnswer::Ambiguous(_, _)), "{vague}");
    for unknown in ["", " ", "zz", "no such"] {
        let error = room.answer(unknown, AllowOnce).unwrap_err();
        assert!(matches!(error, NoAnswer::Unknown(_)), "{error}");
    }
    assert_eq!(room.approvals.waiting(None).len(), 64);
}

#[test]
fn a_session_answers_its_own_questions_alone() {
    let room = Room::new();
    let asked = room.ask("agent:main:main", None);
    let other = SessionKey::from("agent:main:other");
    let id = &asked.request.id;
    let error = room.approvals.answer(id, Some(&other), &word(AllowOnce));
    assert!(matches!(error, Err(NoAnswer::Unknown(_))));
    assert_eq!(room.approvals.waiting(Some(&other)), []);
    let own = asked.request.session.clone();
    assert!(room.approvals.answer(id, Some(&own), &word(Deny)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn always_answers_what_waits_for_the_same_program() {
    let room = Room::new();
    let (main, other) = ("agent:main:main", "agent:main:other");
    let rm = room.ask(main, Some("/usr/bin/rm"));
    let rm_too = room.ask(main, Some("/usr/bin/rm"));
    let mv = room.ask(main, Some("/usr/bin/mv"));
    let elsewhere = room.ask(other, Some("/usr/bin/rm"));
    room.answer(&rm.request.id, AllowAlways).unwrap();
    let cancel = CancellationToken::new();
    assert_eq!(rm.heard(&cancel).await, Heard::Word(word(AllowAlways)));
    assert_eq!(rm_too.heard(&cancel).await, Heard::Word(word(AllowOnce)));
    let waiting = room.approvals.waiting(None);
    let ids: Vec<_> = waiting.iter().map(|request| &request.id).collect();
    assert!(ids.contains(&&mv.request.id) && ids.contains(&&elsewhere.request.id));
    assert_eq!(ids.len(), 2);
}

#[test]
fn what_has_no_program_is_not_allowed_always_and_goes_on_waiting() {
    let room = Room::new();
    let asked = room.ask("agent:main:main", None);
    let error = room.answer(&asked.request.id, AllowAlways).unwrap_err();
    assert!(matches!(error, NoAnswer::NoProgram(_)), "{error}");
    assert_eq!(room.approvals.waiting(None).len(), 1);
}
