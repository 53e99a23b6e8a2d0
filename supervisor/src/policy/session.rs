//! What holds for one session, drawn from configuration, approvals and machine once, at its start.

use super::command::{Ground, IsProgram, Used};
use super::elevated::{ElevatedRules, Sender};
use super::env::{self, Sources};
use super::exec::{ExecRules, Grant, Person};
use super::host::HostPaths;
use super::jail_spec::{Jails, reach};
use super::patch;
use super::private::{Private, Resolve};
use super::profile::Offer;
use crate::config::{Agent, Config, Egress, ElevatedMode, ExecPolicy, ModelRef};
use crate::store::exec_approvals::ExecApprovals;
use ipc::id::{JobId, SessionKey};
use ipc::tool::{ExecDefaults, ToolStart};
use ipc::tool_args::{ExecArgs, ToolSpec, catalogue};
use jail::spec::JailSpec;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// Bytes of a command's output that are kept.
const OUTPUT_BYTES: usize = 200_000;

/// Every tool there is; made once, for schemas take a while to derive.
static CATALOGUE: LazyLock<Arc<[ToolSpec]>> = LazyLock::new(|| catalogue().into());

/// What a policy is drawn from.
#[derive(Debug, Clone, Copy)]
pub struct PolicyInput<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Whose tools.
    pub agent: &'a Agent,
    /// In which session.
    pub session: &'a SessionKey,
    /// The model that answers first: `tools.byProvider` goes by it. None where none is configured.
    pub model: Option<&'a ModelRef>,
    /// `exec-approvals.json`.
    pub approvals: &'a ExecApprovals,
    /// The machine's toolchains.
    pub host: &'a HostPaths,
    /// Looks for programs, where an allow-list goes by their paths.
    pub is_program: IsProgram,
    /// Follows links, where places are judged by where they are.
    pub resolve: Resolve,
}

/// What holds for one session. A changed configuration needs a new one.
#[derive(Debug, Clone)]
pub struct SessionPolicy {
    session: SessionKey,
    workspace: PathBuf,
    offer: Offer,
    offered: Arc<[ToolSpec]>,
    rules: ExecRules,
    /// PATH of commands.
    search: Vec<PathBuf>,
    is_program: IsProgram,
    env: BTreeMap<String, String>,
    exec: ExecDefaults,
    elevated: ElevatedRules,
    /// Of elevated commands.
    elevated_env: BTreeMap<String, String>,
    elevated_exec: ExecDefaults,
    jails: Jails,
    egress: Egress,
    files_anywhere: bool,
    patch_anywhere: bool,
    warnings: Vec<String>,
}

impl SessionPolicy {
    /// Draws the conclusions.
    #[must_use]
    pub fn new(input: PolicyInput<'_>) -> Self {
        let PolicyInput {
            config,
            agent,
            session,
            model,
            approvals,
            host,
            is_program,
            resolve,
        } = input;
        let tools = &agent.tools;
        let offer = Offer::new(agent, model, session);
        let private = Private::new(config, &host.home, resolve);
        let jails = Jails::new(config, agent, host, &private);
        let (rules, unused) = ExecRules::new(&tools.exec, approvals, &agent.id, &host.home);
        let search = search(&rules, &jails, agent, host);
        let environment = |network| {
            env::environment(Sources {
                gateway: &config.env,
                host,
                workspace: &agent.workspace,
                network,
                search: &search,
            })
        };
        let (env, withheld) = environment(reach(config.sandbox.network, agent));
        let walls = &tools.elevated.walls;
        let elevated_env = environment(reach(walls.network, agent)).0;
        let warnings = [&offer.warnings, &unused, &jails.warnings, &withheld];
        Self {
            session: session.clone(),
            workspace: agent.workspace.clone(),
            warnings: warnings.into_iter().flatten().cloned().collect(),
            offered: offered(&offer),
            offer,
            rules,
            search,
            is_program,
            env,
            exec: defaults(&tools.exec, tools.exec.timeout),
            elevated: ElevatedRules::new(&tools.elevated),
            elevated_env,
            elevated_exec: defaults(&tools.exec, walls.timeout),
            jails,
            egress: tools.egress.clone(),
            files_anywhere: !tools.workspace_only,
            patch_anywhere: !tools.exec.apply_patch_workspace_only,
        }
    }

    /// The tools the model is shown, in the order of the catalogue.
    #[must_use]
    pub fn offered(&self) -> Arc<[ToolSpec]> {
        Arc::clone(&self.offered)
    }

    /// Where and with what a toolbox works; `job` is what its command is called in the background.
    #[must_use]
    pub fn tool_start(&self, job: JobId) -> ToolStart {
        ToolStart {
            workspace: self.workspace.clone(),
            env: self.env.clone(),
            job,
            exec: self.exec,
            files_anywhere: self.files_anywhere,
        }
    }

    /// Whom commands may speak to through the proxy.
    #[must_use]
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// The jail of a command. Program, arguments and title are the caller's to fill in.
    #[must_use]
    pub fn exec_jail(&self) -> JailSpec {
        self.jails.exec.clone()
    }

    /// The jail of file tools. Program, arguments and title are the caller's to fill in.
    #[must_use]
    pub fn files_jail(&self) -> JailSpec {
        self.jails.files.clone()
    }

    /// The jail of an elevated command: wider, and its own. Keys and the gateway's state are out of
    /// its reach as well. Program, arguments and title are the caller's to fill in.
    #[must_use]
    pub fn elevated_jail(&self) -> JailSpec {
        self.jails.elevated.clone()
    }

    /// As [`Self::tool_start`], for an elevated command.
    #[must_use]
    pub fn elevated_start(&self, job: JobId) -> ToolStart {
        ToolStart {
            env: self.elevated_env.clone(),
            exec: self.elevated_exec,
            ..self.tool_start(job)
        }
    }

    /// Whether `sender` may switch elevated commands on and off.
    ///
    /// # Errors
    /// Which key of the configuration does not let them.
    pub fn may_elevate(&self, sender: &Sender) -> Result<(), String> {
        self.elevated.admits(sender)
    }

    /// How a session stands that was told `said` with `/elevated`, or nothing.
    #[must_use]
    pub fn elevated_mode(&self, said: Option<ElevatedMode>) -> ElevatedMode {
        self.elevated.mode(said)
    }

    /// Whether anybody could ever have elevated commands here.
    #[must_use]
    pub fn can_be_elevated(&self) -> bool {
        self.elevated.is_open()
    }

    /// The allow-list's entries that a command goes by; none where commands do not go by the list.
    #[must_use]
    pub fn used(&self, args: &ExecArgs) -> Vec<Used> {
        match self.rules.goes_by_path() {
            true => self.on_ground(args, |ground| self.rules.used(args, ground)),
            false => Vec::new(),
        }
    }

    /// HOME of commands, which expect it to be there. It lies in the workspace, so it is to be made
    /// inside the jail or beneath a directory handle, never by path.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        env::home(&self.workspace)
    }

    /// What of the configuration does nothing or is withheld, and why.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(super) fn session(&self) -> &SessionKey {
        &self.session
    }

    pub(super) fn has_tool(&self, tool: &str) -> Result<(), String> {
        self.offer.check(tool)
    }

    pub(super) fn jails_are_open(&self) -> Result<(), String> {
        self.jails.closed.clone().map_or(Ok(()), Err)
    }

    pub(super) fn elevated(&self) -> &ElevatedRules {
        &self.elevated
    }

    pub(super) fn may_run(&self, args: &ExecArgs, person: Person) -> Result<Grant, String> {
        self.jails_are_open()?;
        let grant = self.on_ground(args, |ground| self.rules.decide(args, ground, person))?;
        Ok(match grant {
            Grant::Asked(mut question) => {
                // What a session can write is another program tomorrow.
                let jail = if args.elevated {
                    &self.jails.elevated
                } else {
                    &self.jails.exec
                };
                let own = |path: &PathBuf| jail.write.iter().any(|place| path.starts_with(place));
                question.program = question.program.filter(|path| !own(path));
                Grant::Asked(question)
            }
            Grant::Free => Grant::Free,
        })
    }

    fn on_ground<T>(&self, args: &ExecArgs, judge: impl FnOnce(&Ground<'_>) -> T) -> T {
        let workdir = self
            .workspace
            .join(args.workdir.as_deref().unwrap_or_default().trim());
        judge(&Ground {
            search: &self.search,
            workdir: &workdir,
            is_program: self.is_program,
        })
    }

    pub(super) fn may_patch(&self, patch: &str) -> Result<(), String> {
        self.jails_are_open()?;
        // Without `files_anywhere` the file worker keeps to the workspace by itself.
        if self.patch_anywhere || !self.files_anywhere {
            return Ok(());
        }
        match patch::outside(patch, &self.workspace) {
            None => Ok(()),
            Some(path) => Err(format!(
                "apply_patch may not touch {path}: it lies outside the workspace {}, and \
                 `tools.exec.applyPatch.workspaceOnly` is true",
                self.workspace.display()
            )),
        }
    }
}

/// PATH. Where a program's path is what allows it, what the session can write has no place there:
/// it could give one program the name of another.
fn search(rules: &ExecRules, jails: &Jails, agent: &Agent, host: &HostPaths) -> Vec<PathBuf> {
    let by_path = rules.goes_by_path();
    let writable = |folder: &Path| {
        jails
            .exec
            .write
            .iter()
            .any(|place| folder.starts_with(place))
    };
    let prepend = &agent.tools.exec.path_prepend;
    env::search(prepend, &agent.workspace, host, |folder| {
        !by_path || !writable(folder)
    })
}

fn offered(offer: &Offer) -> Arc<[ToolSpec]> {
    let all = &*CATALOGUE;
    let has = |spec: &&ToolSpec| offer.check(&spec.name).is_ok();
    match all.iter().filter(has).count() {
        count if count == all.len() => Arc::clone(all),
        _ => all.iter().filter(has).cloned().collect(),
    }
}

fn defaults(exec: &ExecPolicy, timeout: Duration) -> ExecDefaults {
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    ExecDefaults {
        yield_ms: ms(exec.background_after),
        timeout_ms: ms(timeout),
        output_bytes: OUTPUT_BYTES,
        shows_all: false,
    }
}
