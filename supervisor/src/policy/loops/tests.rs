use super::*;
use ipc::tool_args::ExecArgs;
use proptest::prelude::*;

fn exec(command: impl ToString) -> ToolArgs {
    ToolArgs::Exec(ExecArgs {
        command: command.to_string(),
        ..ExecArgs::default()
    })
}

fn poll() -> ToolArgs {
    ToolArgs::parse("process", r#"{"action":"poll","sessionId":"job-1"}"#).unwrap()
}

fn said(text: impl ToString) -> ToolOutcome {
    ToolOutcome::Text {
        text: text.to_string(),
    }
}

/// Runs a call, if it may: whether it was blocked, and what was noted.
fn call(guard: &mut LoopGuard, args: &ToolArgs, outcome: &ToolOutcome) -> Result<String, String> {
    match guard.before(args) {
        Verdict::Go => Ok(guard.after(args, outcome).unwrap_or_default()),
        Verdict::Block { reason } => Err(reason),
    }
}

fn is_blocked(guard: &mut LoopGuard, args: &ToolArgs) -> bool {
    call(guard, args, &said("same")).is_err()
}

#[test]
fn the_same_call_is_warned_of_at_the_threshold_and_only_there() {
    let mut guard = LoopGuard::new(&Loops::default());
    let warned: Vec<u32> = (1..=30)
        .filter(|n| {
            !call(&mut guard, &exec("make"), &said(n))
                .unwrap()
                .is_empty()
        })
        .collect();
    assert_eq!(warned, [10, 20, 30]);
    let after_that = call(&mut guard, &exec("make"), &said("31"));
    assert_eq!(after_that, Ok(String::new()), "a full window is no news");
}

#[test]
fn a_poll_without_news_is_warned_of_then_blocked() {
    let mut guard = LoopGuard::new(&Loops::default());
    for n in 1..=20 {
        let note = call(&mut guard, &poll(), &said("nothing")).unwrap();
        assert_eq!(!note.is_empty(), n % 10 == 0, "poll {n}: {note}");
    }
    let reason = call(&mut guard, &poll(), &said("nothing")).unwrap_err();
    assert!(reason.contains("criticalThreshold"), "{reason}");
}

#[test]
fn two_calls_in_turns_are_blocked_while_nothing_changes() {
    let mut guard = LoopGuard::new(&Loops::default());
    for n in 0..20 {
        assert!(!is_blocked(&mut guard, &exec(n % 2)), "call {n}");
    }
    assert!(is_blocked(&mut guard, &exec(0)), "it would go on");
    assert!(!is_blocked(&mut guard, &exec("else")), "it would not go on");
    assert!(!is_blocked(&mut guard, &exec(0)), "the turns were broken");
}

#[test]
fn calls_that_run_at_once_count_as_well() {
    let mut guard = LoopGuard::new(&Loops::default());
    let free = (0..50)
        .filter(|_| guard.before(&exec("x")) == Verdict::Go)
        .count();
    assert_eq!(free, 30);
}

#[test]
fn a_job_by_another_name_is_no_news() {
    let running = |job: &str| ToolOutcome::Running {
        job: job.into(),
        output: Capture::default(),
    };
    assert_eq!(
        ResultHash::of(&running("job-1")),
        ResultHash::of(&running("job-2"))
    );
    assert_ne!(ResultHash::of(&running("job-1")), ResultHash::of(&said("")));
}

#[test]
fn what_is_switched_off_never_speaks() {
    let off = Loops {
        enabled: false,
        ..Loops::default()
    };
    let mut guard = LoopGuard::new(&off);
    for _ in 0..100 {
        assert_eq!(call(&mut guard, &poll(), &said("same")), Ok(String::new()));
    }
}

fn rules() -> impl Strategy<Value = Loops> {
    (1_u32..40, 1_u32..10, 1_u32..10, 1_u32..10).prop_map(|(history_size, a, b, c)| Loops {
        history_size,
        warning_threshold: a,
        critical_threshold: a + b,
        global_breaker_threshold: a + b + c,
        ..Loops::default()
    })
}

proptest! {
    #[test]
    fn the_breaker_blocks_at_its_threshold_exactly(rules in rules()) {
        let mut guard = LoopGuard::new(&rules);
        for _ in 0..rules.global_breaker_threshold {
            prop_assert!(!is_blocked(&mut guard, &exec("x")));
        }
        prop_assert!(is_blocked(&mut guard, &exec("x")));
        guard.reset();
        prop_assert!(!is_blocked(&mut guard, &exec("x")));
    }

    #[test]
    fn differing_calls_are_never_blocked(rules in rules(), count in 0_u32..100) {
        let mut guard = LoopGuard::new(&rules);
        for n in 0..count {
            prop_assert!(!is_blocked(&mut guard, &exec(n)));
        }
    }

    #[test]
    fn progress_is_never_blocked(rules in rules(), count in 0_u32..100) {
        let mut guard = LoopGuard::new(&rules);
        for n in 0..count {
            prop_assert!(call(&mut guard, &poll(), &said(n)).is_ok());
        }
    }

    #[test]
    fn a_new_result_starts_the_count_anew(rules in rules()) {
        let mut guard = LoopGuard::new(&rules);
        for _ in 1..rules.global_breaker_threshold {
            prop_assert!(!is_blocked(&mut guard, &exec("x")));
        }
        prop_assert!(call(&mut guard, &exec("x"), &said("new")).is_ok());
        for _ in 0..rules.global_breaker_threshold {
            prop_assert!(!is_blocked(&mut guard, &exec("x")));
        }
        prop_assert!(is_blocked(&mut guard, &exec("x")));
    }

    #[test]
    fn nothing_is_blocked_that_was_not_repeated(
        rules in rules(),
        calls in proptest::collection::vec((0_u8..4, 0_u8..2), 0..200),
    ) {
        let mut guard = LoopGuard::new(&rules);
        let mut made = [0_u32; 4];
        for (which, result) in calls {
            if call(&mut guard, &exec(which), &said(result)).is_err() {
                let least = rules.critical_threshold / 2;
                prop_assert!(made[usize::from(which)] >= least);
            } else {
                made[usize::from(which)] += 1;
            }
        }
    }
}

#[test]
fn the_arguments_of_a_poll_tell_it_apart() {
    let other = ToolArgs::parse("process", r#"{"action":"poll","sessionId":"job-2"}"#);
    assert_ne!(CallHash::of(&poll()), CallHash::of(&other.unwrap()));
}
