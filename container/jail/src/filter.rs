//! Turns a list of syscalls into a seccomp program. Pure.
//!
//! ```text
//! wrong architecture? kill
//! number ≥ 2^30 (the x32 calls, which a filter by plain numbers would miss)? ENOSYS
//! binary search by number ──► allow | errno | look at arguments, first rule that fits
//! ```
//!
//! The kernel walks the program once a syscall number when it is installed, and at every call that
//! is not always allowed: a search instead of a chain keeps both short.

use crate::syscalls::{Answer, Condition, List, Rule, Test};
use libc::sock_filter;

/// Offsets in the kernel's `struct seccomp_data`, in bytes.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

/// Where the x32 calls begin.
const X32: u32 = 0x4000_0000;

#[cfg(target_arch = "x86_64")]
const NATIVE: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const NATIVE: u32 = 0xc000_00b7;

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const MASK: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
const JUMP: u32 = libc::BPF_JMP | libc::BPF_JA;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const IF_AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const IF_ANY_BIT: u32 = libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K;

/// The program for several lists: a rule of an earlier list goes before a later one's, and what no
/// rule fits gets the last list's `otherwise`.
pub(crate) fn compile(lists: &[&List], own: &[Rule]) -> Vec<sock_filter> {
    let otherwise = lists.last().map_or(Answer::Allow, |list| list.otherwise);
    let rules = lists.iter().flat_map(|list| list.rules);
    let rules: Vec<&Rule> = own.iter().chain(rules).collect();
    let mut program = vec![
        statement(LOAD, ARCHITECTURE),
        branch(IF_EQUAL, NATIVE, 1, 0),
        statement(RETURN, libc::SECCOMP_RET_KILL_PROCESS),
        statement(LOAD, NUMBER),
    ];
    program.extend(search(&leaves(&rules, otherwise)));
    program
}

/// Syscalls from `from` on, up to the next leaf, and what becomes of them.
struct Leaf {
    from: u32,
    code: Vec<sock_filter>,
}

fn leaves(rules: &[&Rule], otherwise: Answer) -> Vec<Leaf> {
    let mut calls: Vec<u32> = rules.iter().map(|rule| rule.call).collect();
    calls.sort_unstable();
    calls.dedup();
    let mut leaves = Vec::new();
    let mut push = |from, code: Vec<sock_filter>| match leaves.last() {
        Some(Leaf { code: last, .. }) if *last == code => {}
        Some(_) | None => leaves.push(Leaf { from, code }),
    };
    let mut next = 0;
    for call in calls {
        if call > next {
            push(next, vec![give(otherwise)]);
        }
        let of_call = rules.iter().filter(|rule| rule.call == call);
        push(call, decide(of_call.copied(), otherwise));
        next = call + 1;
    }
    push(next, vec![give(otherwise)]);
    push(X32, vec![give(Answer::Errno(libc::ENOSYS as u16))]);
    leaves
}

/// A tree of comparisons over leaves in order of their numbers.
fn search(leaves: &[Leaf]) -> Vec<sock_filter> {
    if let [leaf] = leaves {
        return leaf.code.clone();
    }
    let (low, high) = leaves.split_at(leaves.len() / 2);
    let middle = high[0].from;
    let (low, high) = (search(low), search(high));
    let mut code = match u8::try_from(low.len()) {
        Ok(skip) => vec![branch(IF_AT_LEAST, middle, skip, 0)],
        Err(_) => vec![
            branch(IF_AT_LEAST, middle, 0, 1),
            statement(JUMP, u32::try_from(low.len()).unwrap_or(u32::MAX)),
        ],
    };
    code.extend(low);
    code.extend(high);
    code
}

/// The first rule that fits, else `otherwise`.
fn decide<'a>(rules: impl Iterator<Item = &'a Rule>, otherwise: Answer) -> Vec<sock_filter> {
    let mut code = Vec::new();
    for rule in rules {
        let mut blocks = vec![vec![give(rule.answer)]];
        for condition in rule.when.iter().rev() {
            let after = blocks.iter().map(Vec::len).sum::<usize>();
            blocks.push(check(condition, u8::try_from(after).unwrap_or(u8::MAX)));
        }
        code.extend(blocks.into_iter().rev().flatten());
        if rule.when.is_empty() {
            return code;
        }
    }
    code.push(give(otherwise));
    code
}

/// Goes on when the condition holds, else skips `skip` more instructions. Arguments are compared by
/// their lower half unless a condition says otherwise: nearly every one of these is an `int` to the
/// kernel, which drops the rest too.
fn check(condition: &Condition, skip: u8) -> Vec<sock_filter> {
    let half = if condition.upper { 4 } else { 0 };
    let argument = ARGUMENTS + 8 * u32::from(condition.argument) + half;
    let mut code = vec![statement(LOAD, argument)];
    if condition.mask != u32::MAX {
        code.push(statement(MASK, condition.mask));
    }
    match condition.test {
        Test::AnyBit(bits) => code.push(branch(IF_ANY_BIT, bits, 0, skip)),
        Test::NoBit(bits) => code.push(branch(IF_ANY_BIT, bits, skip, 0)),
        Test::OneOf(values) => {
            for (value, left) in values.iter().zip((0..values.len() as u8).rev()) {
                let otherwise = if left == 0 { skip } else { 0 };
                code.push(branch(IF_EQUAL, *value, left, otherwise));
            }
        }
        Test::NoneOf(values) => {
            for (value, left) in values.iter().zip((0..values.len() as u8).rev()) {
                code.push(branch(IF_EQUAL, *value, left + skip, 0));
            }
        }
    }
    code
}

fn give(answer: Answer) -> sock_filter {
    let value = match answer {
        Answer::Allow => libc::SECCOMP_RET_ALLOW,
        Answer::Errno(errno) => libc::SECCOMP_RET_ERRNO | u32::from(errno),
        Answer::Notify => libc::SECCOMP_RET_USER_NOTIF,
    };
    statement(RETURN, value)
}

fn statement(code: u32, k: u32) -> sock_filter {
    branch(code, k, 0, 0)
}

fn branch(code: u32, k: u32, jt: u8, jf: u8) -> sock_filter {
    sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syscalls;
    use proptest::prelude::*;

    struct Call {
        number: u32,
        architecture: u32,
        arguments: [u64; 6],
    }

    /// Runs a program as the kernel does.
    fn run(program: &[sock_filter], call: &Call) -> u32 {
        let (mut at, mut value) = (0, 0_u32);
        loop {
            let step = program[at];
            at += 1;
            let jump = |holds: bool| usize::from(if holds { step.jt } else { step.jf });
            match u32::from(step.code) {
                LOAD if step.k == NUMBER => value = call.number,
                LOAD if step.k == ARCHITECTURE => value = call.architecture,
                LOAD => {
                    let at = step.k - ARGUMENTS;
                    value = (call.arguments[(at / 8) as usize] >> (8 * (at % 8))) as u32;
                }
                MASK => value &= step.k,
                RETURN => return step.k,
                JUMP => at += step.k as usize,
                IF_EQUAL => at += jump(value == step.k),
                IF_AT_LEAST => at += jump(value >= step.k),
                IF_ANY_BIT => at += jump(value & step.k != 0),
                other => panic!("unknown instruction {other}"),
            }
        }
    }

    /// What a list means, said plainly.
    fn meaning(lists: &[&List], call: &Call) -> u32 {
        if call.architecture != NATIVE {
            return libc::SECCOMP_RET_KILL_PROCESS;
        }
        if call.number >= X32 {
            return libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;
        }
        let fits = |rule: &&Rule| {
            rule.call == call.number
                && rule.when.iter().all(|condition| {
                    let argument = call.arguments[usize::from(condition.argument)];
                    let half = if condition.upper {
                        argument >> 32
                    } else {
                        argument
                    };
                    let value = half as u32 & condition.mask;
                    match condition.test {
                        Test::OneOf(values) => values.contains(&value),
                        Test::NoneOf(values) => !values.contains(&value),
                        Test::AnyBit(bits) => value & bits != 0,
                        Test::NoBit(bits) => value & bits == 0,
                    }
                })
        };
        let rule = lists.iter().flat_map(|list| list.rules).find(fits);
        let otherwise = lists.last().unwrap().otherwise;
        give(rule.map_or(otherwise, |rule| rule.answer)).k
    }

    fn every_list() -> [Vec<&'static List>; 6] {
        let (shared, shell) = (&syscalls::SHARED, &syscalls::SHELL);
        [
            vec![shell],
            vec![&syscalls::NO_SOCKETS, shared, shell],
            vec![&syscalls::NO_UNIX, shared, shell],
            vec![&syscalls::NO_UNIX, shell],
            vec![&syscalls::NOTIFIED, shared, shell],
            vec![&syscalls::AGENT],
        ]
    }

    fn native(number: u32, arguments: [u64; 6]) -> Call {
        Call {
            number,
            architecture: NATIVE,
            arguments,
        }
    }

    #[test]
    fn a_program_means_what_its_list_says_for_every_number() {
        for lists in every_list() {
            let program = compile(&lists, &[]);
            for number in (0..600).chain([X32 - 1, X32, X32 + 59, u32::MAX]) {
                let call = native(number, [0; 6]);
                assert_eq!(run(&program, &call), meaning(&lists, &call), "{number}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_program_means_what_its_list_says_for_every_argument(
            number in 0..500_u32,
            arguments in prop::array::uniform6(
                prop_oneof![0..20_u64, any::<u32>().prop_map(u64::from), any::<u64>()]
            ),
        ) {
            for lists in every_list() {
                let call = native(number, arguments);
                prop_assert_eq!(run(&compile(&lists, &[]), &call), meaning(&lists, &call));
            }
        }
    }

    #[test]
    fn calls_of_another_architecture_kill() {
        for lists in every_list() {
            let call = Call {
                number: 1,
                architecture: 0x4000_0003,
                arguments: [0; 6],
            };
            assert_eq!(
                run(&compile(&lists, &[]), &call),
                libc::SECCOMP_RET_KILL_PROCESS
            );
        }
    }

    #[test]
    fn an_own_rule_goes_first() {
        let own = Rule {
            call: libc::SYS_tgkill as u32,
            when: &[],
            answer: Answer::Allow,
        };
        let program = compile(&[&syscalls::AGENT], &[own]);
        let call = native(libc::SYS_tgkill as u32, [0; 6]);
        assert_eq!(run(&program, &call), libc::SECCOMP_RET_ALLOW);
    }

    #[test]
    fn programs_are_short_and_within_the_kernel_s_limit() {
        for lists in every_list() {
            let length = compile(&lists, &[]).len();
            assert!(length < 500, "{length}");
        }
    }
}
