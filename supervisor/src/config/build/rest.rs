//! `session`, `messages.queue`, `commands`, `sandbox`, `budget`.

use super::super::runtime::{Budget, Limits, Namespaces, Network, Sandbox};
use super::super::session::{Commands, DmScope, Overflow, Queue, QueueMode, Reset, Scope, Session};
use super::super::view::{View, put};
use super::Builder;
use std::path::{Component, Path};
use std::time::Duration;

/// The pause of `reset.mode: "idle"` where none is given.
const IDLE: Duration = Duration::from_secs(60 * 60);

impl Builder<'_> {
    /// `session`.
    pub(super) fn session(&self, root: &View<'_>) -> Session {
        let view = root.get("session");
        let mut session = Session {
            reset: reset(&view),
            ..Session::default()
        };
        let dm_scope = view.get("dmScope").one_of(&[
            ("main", DmScope::Main),
            ("per-peer", DmScope::PerPeer),
            ("per-channel-peer", DmScope::PerChannelPeer),
            ("per-account-channel-peer", DmScope::PerAccountChannelPeer),
        ]);
        put(&mut session.dm_scope, dm_scope);
        session.identity_links = view.get("identityLinks").texts_by_key().unwrap_or_default();
        let scope = [("per-sender", Scope::PerSender), ("global", Scope::Global)];
        put(&mut session.scope, view.get("scope").one_of(&scope));
        let key = view.get("mainKey").text().map(str::trim);
        put(
            &mut session.main_key,
            key.filter(|key| !key.is_empty()).map(str::to_owned),
        );
        put(
            &mut session.reset_triggers,
            view.get("resetTriggers").texts(),
        );
        session
    }

    /// `messages.queue`.
    pub(super) fn queue(&self, root: &View<'_>) -> Queue {
        let view = root.get("messages.queue");
        let mut queue = Queue::default();
        put(&mut queue.mode, queue_mode(&view.get("mode")));
        let by_channel = view.get("byChannel").entries().into_iter();
        queue.by_channel = by_channel
            .filter_map(|(channel, mode)| Some((channel.to_owned(), queue_mode(&mode)?)))
            .collect();
        put(&mut queue.debounce, view.get("debounceMs").millis());
        put(&mut queue.cap, view.get("cap").count());
        let overflow = [
            ("old", Overflow::Old),
            ("new", Overflow::New),
            ("summarize", Overflow::Summarize),
        ];
        put(&mut queue.drop, view.get("drop").one_of(&overflow));
        queue
    }

    /// `commands`.
    pub(super) fn commands(&self, root: &View<'_>) -> Commands {
        let view = root.get("commands");
        let mut commands = Commands {
            allow_from: view.get("allowFrom").texts_by_key(),
            owners: view.get("ownerAllowFrom").texts(),
            ..Commands::default()
        };
        put(
            &mut commands.native,
            super::telegram::words::native(&view.get("native")),
        );
        put(&mut commands.text, view.get("text").flag());
        put(&mut commands.bash, view.get("bash").flag());
        put(&mut commands.config, view.get("config").flag());
        put(&mut commands.debug, view.get("debug").flag());
        put(&mut commands.restart, view.get("restart").flag());
        put(
            &mut commands.bash_foreground,
            view.get("bashForegroundMs").millis(),
        );
        commands
    }

    /// `sandbox`.
    pub(super) fn sandbox(&mut self, root: &View<'_>) -> Sandbox {
        let view = root.get("sandbox");
        let mut sandbox = Sandbox {
            minimum: view.get("minimum").count(),
            limits: limits(&view.get("limits")),
            ..Sandbox::default()
        };
        put(&mut sandbox.network, network(&view.get("network")));
        let name = |entry: &View<'_>| entry.text().filter(|name| stays(name)).map(str::to_owned);
        let expected = "a name beneath the workspace, without .. in it";
        let protect = self.each(&view.get("protectPaths"), expected, name);
        put(&mut sandbox.protect, protect);
        put(
            &mut sandbox.read_paths,
            self.path_list(&view.get("readPaths")),
        );
        put(
            &mut sandbox.write_paths,
            self.path_list(&view.get("writePaths")),
        );
        let namespaces = [
            ("auto", Namespaces::Auto),
            ("require", Namespaces::Require),
            ("off", Namespaces::Off),
        ];
        put(
            &mut sandbox.namespaces,
            view.get("namespaces").one_of(&namespaces),
        );
        sandbox
    }

    /// `budget`.
    pub(super) fn budget(&self, root: &View<'_>) -> Budget {
        let view = root.get("budget");
        let mut budget = Budget {
            time: view.get("secondsPerTurn").seconds(),
            ..Budget::default()
        };
        put(
            &mut budget.model_calls,
            view.get("modelCallsPerTurn").count(),
        );
        put(&mut budget.tokens, view.get("tokensPerTurn").count());
        budget
    }
}

fn reset(session: &View<'_>) -> Reset {
    let view = session.get("reset");
    let idle = view
        .get("idleMinutes")
        .minutes()
        .or(session.get("idleMinutes").minutes());
    match view.get("mode").text() {
        Some("idle") => Reset {
            at_hour: None,
            idle: Some(idle.unwrap_or(IDLE)),
        },
        // With the older key alone, a session only ever began anew after a pause.
        None if idle.is_some() && !view.is_said() => Reset {
            at_hour: None,
            idle,
        },
        Some(_) | None => Reset {
            at_hour: view.get("atHour").count().or(Reset::default().at_hour),
            idle,
        },
    }
}

fn queue_mode(view: &View<'_>) -> Option<QueueMode> {
    view.one_of(&[
        ("collect", QueueMode::Collect),
        ("followup", QueueMode::Followup),
        ("steer", QueueMode::Steer),
        ("interrupt", QueueMode::Interrupt),
    ])
}

/// Whether a name leads to where it says, whatever it is put beneath.
fn stays(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    !name.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

fn limits(view: &View<'_>) -> Limits {
    let mut limits = Limits::default();
    let some = |n: Option<u64>| n.map(|n| (n > 0).then_some(n));
    put(&mut limits.memory, some(view.get("memory").bytes()));
    put(&mut limits.file_size, some(view.get("fileSize").bytes()));
    put(&mut limits.open_files, some(view.get("openFiles").count()));
    put(&mut limits.processes, some(view.get("processes").count()));
    put(&mut limits.tmp, some(view.get("tmp").bytes()));
    put(&mut limits.disk, some(view.get("disk").bytes()));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the table's bounds keep it within"
    )]
    let cpu = view
        .get("cpu")
        .number()
        .map(|cores| (cores * 1000.0) as u32);
    put(&mut limits.cpu, cpu.map(|cpu| (cpu > 0).then_some(cpu)));
    let wall = view.get("wallSeconds").seconds();
    put(&mut limits.wall, wall.map(|t| (!t.is_zero()).then_some(t)));
    limits
}

/// What network tools have.
pub(super) fn network(view: &View<'_>) -> Option<Network> {
    view.one_of(&[
        ("none", Network::None),
        ("proxy", Network::Proxy),
        ("host", Network::Host),
    ])
}
