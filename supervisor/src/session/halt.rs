//! `/stop` and `/kill`: what runs ends, because a person says so.

use super::driver::Driver;
use super::rules::Speaker;
use super::state::Input;
use super::turn_begin::Unread;
use crate::message::{Button, Said};
use crate::store::StoreError;
use ipc::agent::TurnOutcome;
use ipc::id::{InputId, JobId};

/// How a tool ended that a person has ended.
const ENDED_BY_PERSON: &str = "a person ended it";
/// How much of a command stands in a list, in characters.
const SHOWN: usize = 80;
/// Buttons for running commands.
const MAX_BUTTONS: usize = 8;

impl Driver {
    /// Stops what runs, at once; with `all`, what waits from the same place is answered with that.
    /// Says nothing where the turn's own end says it, in the same place.
    pub(super) async fn stop(&mut self, speaker: &Speaker, all: bool) -> Result<Said, StoreError> {
        let ran = self.is_busy();
        let heard_here = self.turn.as_ref().is_some_and(|turn| {
            turn.whence() == speaker.from && speaker.sender.channel != super::rules::OWN_CHANNEL
        });
        let dropped = match all && !self.is_folding() && !self.state.is_lost() {
            true => self.drop_waiting(speaker).await?,
            false => 0,
        };
        self.apply(Input::Stop).await;
        Ok(Said::text(match (ran, dropped, self.inputs.len()) {
            (true, 0, 0) if heard_here => String::new(),
            (true, 0, 0) => "Stopped.".to_owned(),
            (false, 0, 0) => "Nothing was running.".to_owned(),
            (true, 0, waiting) => {
                format!("Stopped. {} next; /stop all drops them.", messages(waiting))
            }
            (false, 0, waiting) => format!("{} next; /stop all drops them.", messages(waiting)),
            // Their own end says it.
            (_, _, _) if heard_here => String::new(),
            (_, dropped, _) => format!("Stopped, and {dropped} dropped that waited."),
        }))
    }

    /// What waits from the speaker's place becomes part of a turn that is stopped.
    async fn drop_waiting(&mut self, speaker: &Speaker) -> Result<usize, StoreError> {
        let here = |input: &&InputId| {
            let input = self.inputs.get(input);
            input.is_some_and(|input| {
                super::rules::whence(&input.channel, &input.origin) == speaker.from
            })
        };
        let waiting: Vec<InputId> = self.inputs.keys().filter(here).copied().collect();
        if waiting.is_empty() {
            return Ok(0);
        }
        let many = waiting.len();
        match self.turn.as_ref().map(|turn| (turn.id, turn.whence())) {
            // Its answer is not heard here; what waits stays.
            Some((_, at)) if at != speaker.from => return Ok(0),
            Some((turn, _)) => {
                self.transcript
                    .append(turn, Vec::new(), waiting.clone(), None)
                    .await?;
                if let Some(turn) = &mut self.turn {
                    turn.inputs.extend(&waiting);
                }
                self.inputs.retain(|id, _| !waiting.contains(id));
            }
            None => {
                self.open_turn(waiting.clone(), Unread::Yes).await?;
                if let Some(turn) = &mut self.turn {
                    turn.cancel.cancel();
                    turn.ending = Some(TurnOutcome::Cancelled);
                }
            }
        }
        for input in waiting {
            self.apply(Input::Taken(input)).await;
        }
        self.news.push(format!(
            "The person stopped the work, and took back what waited: messages that you did not read, {many}."
        ));
        Ok(many)
    }

    /// Shows what runs, or ends one of it or all.
    pub(super) async fn kill(&mut self, speaker: &Speaker, what: Option<&str>) -> Said {
        match what {
            None => self.running_in_words(),
            Some(all) if all.eq_ignore_ascii_case("all") => self.kill_all(speaker).await,
            Some(job) => {
                self.killed(job);
                let killed = self
                    .tools
                    .kill(Some(&JobId(job.to_owned())), ENDED_BY_PERSON);
                Said::text(match killed {
                    0 => format!("`{}` does not run; /kill shows what does.", shown(job)),
                    _ => format!("{} was ended.", shown(job)),
                })
            }
        }
    }

    async fn kill_all(&mut self, speaker: &Speaker) -> Said {
        if speaker.group && !speaker.owner {
            return Said::text(
                "Only the owner of this gateway ends everything here; /stop stops the turn.",
            );
        }
        self.killed("all");
        let killed = self.tools.kill(None, ENDED_BY_PERSON);
        let ran = self.is_busy();
        self.apply(Input::Stop).await;
        Said::text(match (killed, ran) {
            (0, false) => "Nothing was running.".to_owned(),
            (0, true) => "The turn was stopped.".to_owned(),
            (1, _) => "One command was ended.".to_owned(),
            (many, _) => format!("{many} commands were ended."),
        })
    }

    fn running_in_words(&self) -> Said {
        let running = self.tools.under_way();
        if running.is_empty() {
            return Said::text("No command runs.");
        }
        let line = |(job, command, behind): &(JobId, String, bool)| {
            let behind = if *behind { " (in the background)" } else { "" };
            format!("{job}{behind}: `{}`", shown(command))
        };
        let lines: Vec<String> = running.iter().map(line).collect();
        let button = |(job, _, _): &(JobId, String, bool)| Button {
            label: format!("End {job}"),
            command: format!("/kill {job}"),
        };
        let mut buttons: Vec<Vec<Button>> = running
            .iter()
            .take(MAX_BUTTONS)
            .map(|running| vec![button(running)])
            .collect();
        buttons.push(vec![Button {
            label: "End all".to_owned(),
            command: "/kill all".to_owned(),
        }]);
        Said {
            text: lines.join("\n"),
            buttons,
        }
    }
}

/// The beginning of a command, on one line, as it may stand between backquotes.
pub(super) fn shown(command: &str) -> String {
    let line = command.replace(['\n', '\r', '`'], " ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// `One message is answered`.
fn messages(many: usize) -> String {
    match many {
        1 => "One message that waits is answered".to_owned(),
        many => format!("{many} messages that wait are answered"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_a_command_is_one_line() {
        assert_eq!(shown("echo `id`\nls"), "echo  id  ls");
        let long = shown(&"é".repeat(200));
        assert_eq!(long.chars().count(), SHOWN + 1);
        assert!(long.ends_with('…'));
    }
}
