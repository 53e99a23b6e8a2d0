//! Laws of polling: nothing is confirmed before it is stored, no failure is answered by haste.

use super::super::api::{Kind, Refused};
use super::*;

fn poll() -> Poll {
    Poll::new(Some(41), Instant::now(), 1)
}

fn network() -> ApiError {
    ApiError::in_doubt("cut".to_owned())
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn the_offset_is_behind_what_is_stored() {
    let mut poll = poll();
    assert_eq!(poll.offset(Instant::now()), Some(42));
    poll.answered(Some(50), Instant::now(), SECOND);
    assert_eq!(poll.offset(Instant::now()), Some(51));
    poll.failed(&network());
    assert_eq!(poll.offset(Instant::now()), Some(51));
    poll.answered(Some(45), Instant::now(), SECOND);
    assert_eq!(poll.offset(Instant::now()), Some(51), "said a second time");
    poll.answered(None, Instant::now(), SECOND);
    assert_eq!(poll.offset(Instant::now()), Some(51));
}

#[tokio::test(start_paused = true)]
async fn after_a_week_of_silence_no_number_is_said() {
    let mut poll = poll();
    tokio::time::advance(6 * 24 * 3600 * SECOND).await;
    poll.answered(None, Instant::now(), SECOND);
    assert_eq!(poll.offset(Instant::now()), None);
    poll.answered(Some(7), Instant::now(), SECOND);
    assert_eq!(poll.offset(Instant::now()), Some(8), "lower is as good");
}

#[tokio::test(start_paused = true)]
async fn the_first_hiccup_costs_nothing_and_the_next_ones_ever_more() {
    let mut poll = poll();
    let pause = |next| {
        let Next::Wait(pause) = next else {
            panic!("{next:?}");
        };
        pause
    };
    for error in [network(), ApiError::Server { status: 502 }] {
        assert_eq!(poll.failed(&error), Next::Ask);
        let first = pause(poll.failed(&error));
        assert!(first >= Duration::from_millis(1500), "{first:?}");
        assert!(pause(poll.failed(&error)) > first);
        assert!(!poll.may_wait());
        assert_eq!(poll.answered(None, Instant::now(), SECOND), Next::Ask);
    }
}

#[tokio::test(start_paused = true)]
async fn each_no_has_its_own_answer() {
    let mut poll = poll();
    let conflict = |conflict| ApiError::Conflict { conflict };
    assert!(matches!(
        poll.failed(&conflict(Conflict::Poller)),
        Next::Wait(_)
    ));
    assert_eq!(
        poll.failed(&conflict(Conflict::Webhook)),
        Next::RemoveWebhook
    );
    assert!(matches!(
        poll.failed(&conflict(Conflict::Webhook)),
        Next::Wait(_)
    ));
    let after = 7 * SECOND;
    assert_eq!(poll.failed(&ApiError::TooMany { after }), Next::Wait(after));
    assert_eq!(poll.failed(&ApiError::Unauthorized), Next::Stop);
    let refused = ApiError::Refused(Refused {
        code: 400,
        description: "Bad Request".to_owned(),
        kind: Kind::Other,
    });
    assert!(matches!(poll.failed(&refused), Next::Wait(_)));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_wait_is_not_asked_without_end() {
    let mut poll = poll();
    let at_once = Duration::from_millis(1);
    assert!(!poll.may_wait(), "whoever just began wants to know at once");
    assert_eq!(poll.answered(None, Instant::now(), at_once), Next::Ask);
    assert!(poll.may_wait());
    assert_eq!(
        poll.answered(None, Instant::now(), at_once),
        Next::Wait(HASTE)
    );
    assert_eq!(poll.answered(Some(50), Instant::now(), at_once), Next::Ask);
}
