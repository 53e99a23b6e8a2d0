//! A session's background jobs: commands that went on when their call had been answered.

use super::process::ToolProcess;
use super::{Ended, JobEnded, Kept, Running, at_once, failed};
use ipc::id::JobId;
use ipc::tool::ToolOutcome;
use ipc::tool_args::{ProcessAction, ProcessArgs, ToolArgs};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Most background jobs of one session; the oldest that has ended gives way.
const MAX_JOBS: usize = 64;

/// The table of them. Dropping it kills them all.
#[derive(Debug)]
pub(super) struct Jobs {
    known: BTreeMap<JobId, Job>,
    ended: mpsc::UnboundedSender<JobEnded>,
    news: mpsc::UnboundedReceiver<JobEnded>,
}

#[derive(Debug)]
struct Job {
    command: String,
    process: Arc<ToolProcess>,
    ended: Option<ToolOutcome>,
}

impl Jobs {
    pub(super) fn new() -> Self {
        // Unbounded in form; in fact at most one message for each of MAX_JOBS processes.
        let (ended, news) = mpsc::unbounded_channel();
        Self {
            known: BTreeMap::new(),
            ended,
            news,
        }
    }

    /// Who is told when a job ends.
    pub(super) fn teller(&self) -> mpsc::UnboundedSender<JobEnded> {
        self.ended.clone()
    }

    /// One more.
    pub(super) fn take_in(&mut self, kept: Kept) {
        let Kept {
            job,
            command,
            process,
        } = kept;
        self.make_room();
        let entry = Job {
            command,
            process,
            ended: None,
        };
        self.known.insert(job, entry);
    }

    /// The next that ends by itself.
    pub(super) async fn next_ended(&mut self) -> JobEnded {
        loop {
            let Some(news) = self.news.recv().await else {
                return std::future::pending().await;
            };
            if let Some(job) = self.known.get_mut(&news.job) {
                job.ended = Some(news.outcome.clone());
                return news;
            }
        }
    }

    /// Whether one still runs.
    pub(super) fn is_busy(&self) -> bool {
        self.running().next().is_some()
    }

    /// Those that still run.
    pub(super) fn running(&self) -> impl Iterator<Item = (JobId, Arc<ToolProcess>)> + '_ {
        let running = self.known.iter().filter(|(_, job)| job.ended.is_none());
        running.map(|(id, job)| (id.clone(), Arc::clone(&job.process)))
    }

    /// Those that still run, and what was to be run.
    pub(super) fn commands(&self) -> impl Iterator<Item = (JobId, String)> + '_ {
        let running = self.known.iter();
        let running = running.filter(|(_, job)| job.ended.is_none() && job.process.is_alive());
        running.map(|(id, job)| (id.clone(), job.command.clone()))
    }

    /// Ends all.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Makes a call about one.
    pub(super) fn poke(
        &mut self,
        job: JobId,
        args: ProcessArgs,
        cancel: CancellationToken,
    ) -> Running {
        let Some(entry) = self.known.get(&job) else {
            return at_once(failed(self.no_such_job(&job)));
        };
        let process = Arc::clone(&entry.process);
        if args.action == ProcessAction::Remove {
            self.known.remove(&job);
            return Box::pin(async move {
                process.end(None).await;
                let text = format!("{job} was ended and forgotten");
                Ended {
                    outcome: ToolOutcome::Text { text },
                    kept: None,
                }
            });
        }
        Box::pin(async move {
            Ended {
                outcome: process.call(ToolArgs::Process(args), None, &cancel).await,
                kept: None,
            }
        })
    }

    fn no_such_job(&self, job: &JobId) -> String {
        let known: Vec<&str> = self.known.keys().map(JobId::as_str).collect();
        if known.is_empty() {
            return format!(
                "there is no background command {job}; none is there now. One that was begun \
                 under an earlier gateway ended with it"
            );
        }
        format!(
            "there is no background command {job}; there are: {}",
            known.join(", ")
        )
    }

    /// All of them, in words.
    pub(super) fn list(&self) -> ToolOutcome {
        if self.known.is_empty() {
            return ToolOutcome::Text {
                text: "no background commands".into(),
            };
        }
        let line = |(id, job): (&JobId, &Job)| {
            let state = match &job.ended {
                None if job.process.is_alive() => "running".to_owned(),
                None => ToolOutcome::Interrupted.to_text(),
                Some(outcome) => outcome.to_text(),
            };
            format!("{id}  {state}  {}\n", job.command)
        };
        ToolOutcome::Text {
            text: self.known.iter().map(line).collect(),
        }
    }

    fn make_room(&mut self) {
        while self.known.len() >= MAX_JOBS {
            let ended = self.known.iter().find(|(_, job)| job.ended.is_some());
            let Some(oldest) = ended
                .or_else(|| self.known.iter().next())
                .map(|(id, _)| id.clone())
            else {
                return;
            };
            self.known.remove(&oldest);
        }
    }
}
