//! `openclaw pairing`: who asks to be let in, and a person's word on it.

use super::channels::long;
use super::{CliError, ExitCode, client::Client, on_one_thread, out, paths};
use ipc::control::{FromSupervisor, Paired, PairingRequest, ToSupervisor};

/// Who may write to the gateway from outside.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Who asks to be let in, and who was.
    List {
        /// Of this channel alone: telegram.
        channel: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Let somebody in; what they have written so far is answered.
    Approve(Code),
    /// Send somebody away; what they have written is dropped.
    Reject(Code),
    /// Let somebody in no more.
    Revoke {
        /// Who, as the channel knows them; the channel may stand in front: telegram 42.
        #[arg(num_args = 1..=2, required = true, value_names = ["CHANNEL", "SENDER"])]
        words: Vec<String>,
        /// Of this account alone.
        #[arg(long)]
        account: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, clap::Args)]
struct Code {
    /// The code they were given; the channel may stand in front: telegram ABCD2345.
    #[arg(num_args = 1..=2, required = true, value_names = ["CHANNEL", "CODE"])]
    words: Vec<String>,
    /// Tell them; they are told in any case.
    #[arg(long, hide = true)]
    notify: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, CliError> {
    match &args.command {
        None => list(None, args.json),
        Some(Command::List { channel, json }) => list(channel.as_deref(), *json || args.json),
        Some(Command::Approve(code)) => decide(code, true, code.json || args.json),
        Some(Command::Reject(code)) => decide(code, false, code.json || args.json),
        Some(Command::Revoke {
            words,
            account,
            json,
        }) => {
            let (channel, sender) = parted(words)?;
            let unpair = ToSupervisor::Unpair {
                channel,
                account: account.clone(),
                sender,
            };
            say(&unpair, *json || args.json)
        }
    }
}

fn decide(code: &Code, approve: bool, json: bool) -> Result<ExitCode, CliError> {
    let (_, code) = parted(&code.words)?;
    say(&ToSupervisor::Pair { code, approve }, json)
}

/// The channel, and what is said of it. There is one channel so far.
fn parted(words: &[String]) -> Result<(String, String), CliError> {
    let (channel, word) = match words {
        [word] => (TELEGRAM, word),
        [channel, word] => (channel.as_str(), word),
        [] | [_, _, _, ..] => return Err(anyhow::anyhow!("expected one word, or two").into()),
    };
    Ok((known(channel)?.to_owned(), word.clone()))
}

const TELEGRAM: &str = "telegram";

fn known(channel: &str) -> Result<&'static str, CliError> {
    if channel.eq_ignore_ascii_case(TELEGRAM) {
        return Ok(TELEGRAM);
    }
    Err(anyhow::anyhow!("there is no channel {channel}; there is: telegram").into())
}

fn ask(message: &ToSupervisor) -> Result<FromSupervisor, CliError> {
    on_one_thread(async { Client::connect(&paths()).await?.ask(message).await })
}

fn say(message: &ToSupervisor, json: bool) -> Result<ExitCode, CliError> {
    let answer = ask(message)?;
    let FromSupervisor::Done { message } = answer else {
        return Err(CliError::unexpected(&answer));
    };
    if json {
        out::line(&super::json(&serde_json::json!({ "message": message }))?)?;
    } else {
        out::line(&message)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(channel: Option<&str>, json: bool) -> Result<ExitCode, CliError> {
    let channel = channel.map(known).transpose()?;
    let answer = ask(&ToSupervisor::Pairings)?;
    let FromSupervisor::Pairings {
        mut pending,
        mut paired,
    } = answer
    else {
        return Err(CliError::unexpected(&answer));
    };
    pending.retain(|request| channel.is_none_or(|channel| request.channel == channel));
    paired.retain(|one| channel.is_none_or(|channel| one.channel == channel));
    if json {
        let both = serde_json::json!({ "pending": pending, "paired": paired });
        out::line(&super::json(&both)?)?;
    } else {
        let now = jiff::Timestamp::now().as_millisecond();
        out::print(&in_words(&pending, &paired, now))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Both lists as a person reads them. Names are strangers' own words: each stays on its line.
fn in_words(pending: &[PairingRequest], paired: &[Paired], now: i64) -> String {
    let mut text = String::new();
    for request in pending {
        let seconds =
            |from: i64, to: i64| u64::try_from(to.saturating_sub(from)).unwrap_or(0) / 1000;
        text += &format!(
            "{}  {} ({}), to {} {}, asked {} ago, {} left\n",
            request.code,
            out::one_line(&request.name),
            request.sender,
            request.channel,
            request.account,
            long(seconds(request.asked_at, now)),
            long(seconds(now, request.expires_at)),
        );
    }
    text += match pending {
        [] => "nobody asks to be let in\n",
        [_, ..] => "openclaw pairing approve CODE, or openclaw pairing reject CODE\n",
    };
    for one in paired {
        let owner = if one.owner { ", an owner" } else { "" };
        text += &format!(
            "let in: {} to {} {}{owner}\n",
            one.sender, one.channel, one.account
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_who_asks_for_what_and_how_long_it_holds() {
        let request = PairingRequest {
            channel: "telegram".into(),
            account: "default".into(),
            sender: "42".into(),
            name: "Ada\nXXXXXXXX  Boss (1)".into(),
            code: "ABCD2345".into(),
            asked_at: 0,
            expires_at: 3_600_000,
        };
        let one = Paired {
            channel: "telegram".into(),
            account: "work".into(),
            sender: "7".into(),
            owner: true,
        };
        let said = in_words(&[request], &[one], 180_000);
        assert_eq!(
            said,
            "ABCD2345  Ada XXXXXXXX  Boss (1) (42), to telegram default, asked 3 min ago, 57 min left\n\
             openclaw pairing approve CODE, or openclaw pairing reject CODE\n\
             let in: 7 to telegram work, an owner\n"
        );
        assert!(in_words(&[], &[], 0).starts_with("nobody asks"));
    }

    #[test]
    fn the_channel_may_be_named_in_front() {
        let words =
            |words: &[&str]| -> Vec<String> { words.iter().map(|w| (*w).to_owned()).collect() };
        let parted = |given: &[&str]| parted(&words(given)).map_err(|error| error.to_string());
        let telegram = || ("telegram".to_owned(), "ABCD2345".to_owned());
        assert_eq!(parted(&["ABCD2345"]), Ok(telegram()));
        assert_eq!(parted(&["Telegram", "ABCD2345"]), Ok(telegram()));
        assert!(parted(&["discord", "ABCD2345"]).is_err());
    }
}
