//! Which addresses become links.

/// Longest address of a link, in bytes: what a browser takes.
const MAX_ADDRESS: usize = 2048;

/// Whether Telegram makes a link of it. It takes no other scheme, and silently leaves out a link to
/// a host without a dot (`http://localhost:3000`) or to an e-mail address: those are said as text,
/// so that they are not lost.
pub(super) fn is_link(address: &str) -> bool {
    if address.len() > MAX_ADDRESS
        || address.contains(|c: char| c.is_whitespace() || c.is_control())
    {
        return false;
    }
    let Some((scheme, rest)) = address.split_once(':') else {
        return false;
    };
    if scheme.eq_ignore_ascii_case("tg") {
        return rest.starts_with("//") && rest.len() > 2;
    }
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    web && rest.strip_prefix("//").is_some_and(has_host)
}

/// Whether what follows the scheme begins with a name or number that has a dot in it.
fn has_host(rest: &str) -> bool {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let inside = name.trim_matches('.');
    inside.contains('.')
}

/// How an address that is no link is said behind its label; nothing where the label says it.
pub(super) fn said(address: &str, label: &str) -> Option<String> {
    let address = address.strip_prefix("mailto:").unwrap_or(address);
    let label = label.trim_end();
    if address.is_empty() || label.ends_with(address) {
        return None;
    }
    // A picture in the text itself is no address anybody could open.
    if address.starts_with("data:") {
        return None;
    }
    Some(format!(" ({address})"))
}
