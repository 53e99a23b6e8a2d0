//! How often somebody may be wrong. Pure: told the time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// So many wrong tries of one source within [`WITHIN`] lock it out.
const EACH: u32 = 10;
/// So many of all sources together, the command line aside, lock all of them out.
const TOGETHER: u32 = 100;
/// What counts as one run of tries.
const WITHIN: Duration = Duration::from_secs(60);
/// How long nobody is heard.
const LOCKED_FOR: Duration = Duration::from_secs(5 * 60);
/// So many sources are told apart; more of them count as one.
const SOURCES: usize = 1024;

/// Who tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Source {
    /// The control socket: this machine's own user.
    Cli,
    /// A browser; of an IPv6 network any.
    Page(IpAddr),
    /// All others, when there are too many to tell apart.
    Crowd,
}

/// The wrong tries there were.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    each: HashMap<Source, Run>,
    together: Run,
}

#[derive(Debug, Default, Clone, Copy)]
struct Run {
    began: Option<Instant>,
    wrong: u32,
    locked_until: Option<Instant>,
}

impl Attempts {
    /// Whether a source is heard now.
    ///
    /// # Errors
    /// For how long it is not.
    pub(super) fn check(&self, source: Source, now: Instant) -> Result<(), Duration> {
        let own = self.each.get(&self.known(source));
        let together = (source != Source::Cli).then_some(&self.together);
        let locks = own.into_iter().chain(together);
        let left = locks.filter_map(|run| run.locked_until?.checked_duration_since(now));
        match left.max().filter(|left| !left.is_zero()) {
            Some(left) => Err(left),
            None => Ok(()),
        }
    }

    /// A source was wrong; whether that has just locked somebody out.
    pub(super) fn wrong(&mut self, source: Source, now: Instant) -> bool {
        if self.each.len() >= SOURCES {
            self.each.retain(|_, run| run.is_alive(now));
        }
        let source = self.known(source);
        let mut locked = self.each.entry(source).or_default().wrong(EACH, now);
        if source != Source::Cli {
            locked |= self.together.wrong(TOGETHER, now);
        }
        locked
    }

    fn known(&self, source: Source) -> Source {
        let source = match source {
            Source::Page(IpAddr::V6(ip)) => Source::Page(network(ip)),
            Source::Cli | Source::Crowd | Source::Page(IpAddr::V4(_)) => source,
        };
        let is_new = !self.each.contains_key(&source);
        match source {
            Source::Page(_) if is_new && self.each.len() >= SOURCES => Source::Crowd,
            Source::Cli | Source::Crowd | Source::Page(_) => source,
        }
    }
}

/// One household has a whole network of addresses.
fn network(ip: Ipv6Addr) -> IpAddr {
    match ip.to_ipv4_mapped() {
        Some(ip) => IpAddr::V4(ip),
        None => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

impl Run {
    fn wrong(&mut self, most: u32, now: Instant) -> bool {
        let is_same = |began: Instant| now.saturating_duration_since(began) < WITHIN;
        if !self.began.is_some_and(is_same) {
            (self.began, self.wrong) = (Some(now), 0);
        }
        self.wrong = self.wrong.saturating_add(1);
        let locks = self.wrong >= most;
        if locks {
            self.locked_until = Some(now + LOCKED_FOR);
            (self.began, self.wrong) = (None, 0);
        }
        locks
    }

    fn is_alive(&self, now: Instant) -> bool {
        let recent = |began: Instant| now.saturating_duration_since(began) < WITHIN;
        self.locked_until.is_some_and(|until| until > now) || self.began.is_some_and(recent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn page(n: u32) -> Source {
        Source::Page(IpAddr::V4(Ipv4Addr::from_bits(n)))
    }

    #[test]
    fn who_is_wrong_too_often_is_locked_out_and_nobody_else_is() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for _ in 1..EACH {
            assert!(!attempts.wrong(page(1), now));
            assert!(attempts.check(page(1), now).is_ok());
        }
        assert!(attempts.wrong(page(1), now));
        assert_eq!(attempts.check(page(1), now), Err(LOCKED_FOR));
        assert!(attempts.check(page(2), now).is_ok());
        assert!(attempts.check(Source::Cli, now).is_ok());
        assert!(attempts.check(page(1), now + LOCKED_FOR).is_ok());
    }

    #[test]
    fn a_slip_now_and_then_locks_nobody_out() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for minute in 0..50 {
            for _ in 1..EACH {
                assert!(!attempts.wrong(page(1), now + WITHIN * minute));
            }
        }
    }

    #[test]
    fn many_who_are_wrong_are_locked_out_together_but_not_the_command_line() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        for n in 1..TOGETHER {
            assert!(!attempts.wrong(page(n), now));
        }
        assert!(attempts.wrong(page(0), now));
        assert!(attempts.check(page(7_000), now).is_err());
        assert!(attempts.check(Source::Cli, now).is_ok());
    }

    #[test]
    fn a_network_of_addresses_is_one_source_and_their_number_is_bounded() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        let v6 = |text: &str| Source::Page(text.parse().unwrap());
        for n in 0..EACH {
            attempts.wrong(v6(&format!("2001:db8::{n}")), now);
        }
        assert!(attempts.check(v6("2001:db8::ffff"), now).is_err());
        assert!(attempts.check(v6("2001:db8:0:1::1"), now).is_ok());
        let mut later = now;
        for n in 0..5_000 {
            later += Duration::from_millis(1);
            attempts.wrong(page(n), later);
        }
        assert!(attempts.each.len() <= SOURCES + 1);
    }
}
