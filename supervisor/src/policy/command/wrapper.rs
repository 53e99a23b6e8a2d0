//! Programs that only start another one: what they start is what must be allowed.

use super::shell::Word;
use super::variables::is_harmless;

struct Wrapper {
    name: &'static str,
    /// Options without a value.
    plain: &'static [&'static str],
    /// Options with one.
    valued: &'static [&'static str],
    /// Words of its own before the program.
    operands: usize,
    /// Whether `NAME=value` may come before the program.
    assigns: bool,
}

/// Options that are not here are refused: `env -S` splits text into commands, `env -i` and `env -u`
/// change where programs are looked for.
const WRAPPERS: [Wrapper; 6] = [
    Wrapper {
        name: "env",
        plain: &[],
        valued: &[],
        operands: 0,
        assigns: true,
    },
    Wrapper {
        name: "nice",
        plain: &[],
        valued: &["-n", "--adjustment"],
        operands: 0,
        assigns: false,
    },
    Wrapper {
        name: "nohup",
        plain: &[],
        valued: &[],
        operands: 0,
        assigns: false,
    },
    Wrapper {
        name: "timeout",
        plain: &["--foreground", "--preserve-status", "--verbose", "-v"],
        valued: &["-k", "--kill-after", "-s", "--signal"],
        operands: 1,
        assigns: false,
    },
    Wrapper {
        name: "stdbuf",
        plain: &[],
        valued: &["-i", "--input", "-o", "--output", "-e", "--error"],
        operands: 0,
        assigns: false,
    },
    Wrapper {
        name: "busybox",
        plain: &[],
        valued: &[],
        operands: 0,
        assigns: false,
    },
];

/// A word of a wrapper that hides which program is started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{word}` after {wrapper} is not understood here; call the program without {wrapper}")]
pub(in crate::policy) struct Hidden {
    /// Which wrapper.
    wrapper: &'static str,
    /// The word.
    word: String,
}

/// The words of the program that `words` start, when they call a wrapper; `None` when they call
/// something else, or a wrapper with nothing to start.
pub(super) fn unwrap<'a>(name: &str, words: &'a [Word]) -> Result<Option<&'a [Word]>, Hidden> {
    let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.name == name) else {
        return Ok(None);
    };
    let own = wrapper.own_words(words)?;
    Ok(words.get(own..).filter(|rest| !rest.is_empty()))
}

impl Wrapper {
    /// How many words belong to the wrapper, its name among them.
    fn own_words(&self, words: &[Word]) -> Result<usize, Hidden> {
        let mut operands = self.operands;
        let mut options = true;
        let mut i = 1;
        while let Some(word) = words.get(i) {
            let text = word.text.as_str();
            if !word.fixed {
                return Err(self.hidden(word));
            } else if options && text == "--" {
                options = false;
            } else if options && text.starts_with('-') {
                i += self.option_values(word)?;
            } else if operands > 0 {
                // As with getopt's `+`: the first operand ends the options.
                (options, operands) = (false, operands - 1);
            } else if self.assigns && self.is_assignment(word)? {
                options = false;
            } else {
                break;
            }
            i += 1;
        }
        Ok(i)
    }

    /// How many of the following words the option takes.
    fn option_values(&self, word: &Word) -> Result<usize, Hidden> {
        let text = word.text.as_str();
        let attached = |option: &str| match text.strip_prefix(option) {
            Some(rest) if option.starts_with("--") => rest.starts_with('='),
            Some(rest) => !rest.is_empty(),
            None => false,
        };
        if self.valued.contains(&text) {
            Ok(1)
        } else if self.plain.contains(&text) || self.valued.iter().any(|option| attached(option)) {
            Ok(0)
        } else {
            Err(self.hidden(word))
        }
    }

    fn is_assignment(&self, word: &Word) -> Result<bool, Hidden> {
        match word.text.split_once('=') {
            None => Ok(false),
            Some((name, value)) if is_harmless(name, value) => Ok(true),
            Some(_) => Err(self.hidden(word)),
        }
    }

    fn hidden(&self, word: &Word) -> Hidden {
        Hidden {
            wrapper: self.name,
            word: word.text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shell;
    use super::*;

    fn inner(command: &str) -> Result<Option<String>, Hidden> {
        let steps = shell::read(command).unwrap();
        let words = &steps[0].words;
        let rest = unwrap(&words[0].text, words)?;
        Ok(rest.map(|words| {
            words
                .iter()
                .map(|w| w.text.as_str())
                .collect::<Vec<_>>()
                .join(" ")
        }))
    }

    #[test]
    fn what_is_started_is_found() {
        for (command, started) in [
            ("env LANG=C TZ=UTC git log", "git log"),
            ("env -- git log", "git log"),
            ("nice git", "git"),
            ("nice -n 5 git -n", "git -n"),
            ("nice -n5 git", "git"),
            ("nice --adjustment=5 git", "git"),
            ("nohup git", "git"),
            ("timeout 5 git -k", "git -k"),
            ("timeout -k 1 --signal=KILL 5s git", "git"),
            ("timeout -v -- 5 git", "git"),
            ("stdbuf -oL -e 0 git", "git"),
            ("busybox wc -l", "wc -l"),
        ] {
            assert_eq!(inner(command), Ok(Some(started.into())), "{command}");
        }
    }

    #[test]
    fn nothing_started_is_nothing_found() {
        for command in ["env", "env LANG=C", "git log", "timeout 5", "nohup"] {
            assert_eq!(inner(command), Ok(None), "{command}");
        }
    }

    #[test]
    fn what_hides_the_program_is_refused() {
        for command in [
            "env -S 'git log'",
            "env -i git",
            "env - git",
            "env -u PATH git",
            "env PATH=. git",
            "env LD_PRELOAD=x git",
            "env $x git",
            "nice $x git",
            "timeout * git",
            "timeout --kill-afte=1 5 git",
            "stdbuf --x git",
            "busybox --install git",
        ] {
            assert!(inner(command).is_err(), "{command}: {:?}", inner(command));
        }
    }

    #[test]
    fn after_an_operand_there_are_no_options() {
        assert_eq!(
            inner("timeout 5 -s KILL git"),
            Ok(Some("-s KILL git".into()))
        );
    }
}
