//! What providers say in words alone.

use std::time::Duration;

/// Words by which providers say that the purse is empty, whatever the status.
const BILLING: [&str; 5] = [
    "credit balance is too low",
    "insufficient credits",
    "insufficient balance",
    "exceeded your current quota",
    "payment required",
];

/// Words by which providers say that the context is too long. Each entry is a list of pieces that
/// all must stand in the message, lower case.
#[rustfmt::skip]
const OVERFLOW: [&[&str]; 17] = [
    &["exceeds the context window"],               // OpenAI Responses, Codex
    &["maximum context length"],                   // OpenAI, OpenRouter, vLLM, Mistral
    &["context length", "exceed"],                 // DeepSeek, LM Studio
    &["context_length_exceeded"],                  // gateways that quote the code
    &["exceeds the available context size"],       // llama.cpp
    &["context size has been exceeded"],           // llama.cpp
    &["greater than the context length"],          // LM Studio
    &["prompt too long", "context"],               // Ollama
    &["prompt is too long"],                       // Anthropic
    &["input is too long"],                        // Bedrock
    &["input token count", "exceeds the maximum"], // Gemini
    &["maximum prompt length"],                    // xAI
    &["reduce the length of the messages"],        // Groq
    &["exceeds the limit of", "token"],            // GitHub Copilot
    &["exceeded model token limit"],               // Moonshot
    &["context window exceeds limit"],             // MiniMax
    &["too large for model with", "maximum"],      // Mistral
];

/// Whether it says so.
pub(super) fn speaks_of_money(lower: &str) -> bool {
    BILLING.iter().any(|words| lower.contains(words))
}

/// Whether a message, in lower case, says that the context is too long.
pub(super) fn is_overflow(lower: &str) -> bool {
    let speaks_of_rate = lower.contains("per min") || lower.contains("rate limit");
    !speaks_of_rate
        && OVERFLOW
            .iter()
            .any(|pieces| pieces.iter().all(|piece| lower.contains(piece)))
}

/// "try again in 1.2s", "retry in 6m0s", "try again in 20 seconds": how long, from words.
pub(super) fn hinted_wait(lower: &str) -> Option<Duration> {
    let at = ["try again in ", "retry in ", "retry after "]
        .iter()
        .find_map(|lead| lower.find(lead).map(|at| at + lead.len()))?;
    let mut rest = &lower[at..];
    let mut seconds = 0.0;
    loop {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let Ok(number) = rest[..digits].trim_end_matches('.').parse::<f64>() else {
            break;
        };
        rest = rest[digits..].trim_start_matches(' ');
        let letters = rest
            .find(|c: char| !c.is_ascii_alphabetic())
            .unwrap_or(rest.len());
        seconds += number * unit(&rest[..letters])?;
        rest = &rest[letters..];
    }
    (seconds > 0.0 && seconds < 1e9).then(|| Duration::from_secs_f64(seconds))
}

fn unit(letters: &str) -> Option<f64> {
    match letters {
        "ms" | "millisecond" | "milliseconds" => Some(0.001),
        "s" | "sec" | "secs" | "second" | "seconds" | "" => Some(1.0),
        "m" | "min" | "mins" | "minute" | "minutes" => Some(60.0),
        "h" | "hour" | "hours" => Some(3600.0),
        "d" | "day" | "days" => Some(86_400.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_hidden_in_words_is_found() {
        let ms = |text: &str| hinted_wait(text).map(|d| d.as_millis());
        assert_eq!(ms("please try again in 1.2s."), Some(1200));
        assert_eq!(ms("try again in 86ms. visit"), Some(86));
        assert_eq!(ms("try again in 6m0.5s"), Some(360_500));
        assert_eq!(ms("retry in 20 seconds"), Some(20_000));
        assert_eq!(ms("try again in a while"), None);
        assert_eq!(ms("try again"), None);
    }
}
