//! Telegram's HTML as its server reads it, and stricter where its manual is: what it would only
//! drop in silence is an error here.

/// The text that is left of it, or what is wrong with it.
pub(crate) fn read(html: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut open: Vec<&str> = Vec::new();
    let mut rest = html;
    while let Some(char) = rest.chars().next() {
        match char {
            '<' => {
                let end = rest.find('>').ok_or("a tag that does not end")?;
                tag(&rest[1..end], &mut open)?;
                rest = &rest[end + 1..];
            }
            '&' => {
                let (char, after) = reference(rest)?;
                text.push(char);
                rest = after;
            }
            '>' => return Err("a bare >".into()),
            char => {
                text.push(char);
                rest = &rest[char.len_utf8()..];
            }
        }
    }
    match open.last() {
        None => Ok(text),
        Some(name) => Err(format!("<{name}> is not closed")),
    }
}

fn reference(rest: &str) -> Result<(char, &str), String> {
    let known = [
        ("&lt;", '<'),
        ("&gt;", '>'),
        ("&amp;", '&'),
        ("&quot;", '"'),
    ];
    let found = known.iter().find(|(name, _)| rest.starts_with(name));
    let (name, char) = found.ok_or("an unknown reference")?;
    Ok((*char, &rest[name.len()..]))
}

fn tag<'a>(inner: &'a str, open: &mut Vec<&'a str>) -> Result<(), String> {
    if let Some(name) = inner.strip_prefix('/') {
        return match open.pop() {
            Some(last) if last == name => Ok(()),
            last => Err(format!("</{name}> closes {last:?}")),
        };
    }
    let (name, attributes) = inner.split_once(' ').unwrap_or((inner, ""));
    allowed(name, attributes, open)?;
    open.push(name);
    Ok(())
}

fn allowed(name: &str, attributes: &str, open: &[&str]) -> Result<(), String> {
    let inside = |other: &str| open.contains(&other);
    let value = |key: &str| {
        let value = attributes
            .strip_prefix(key)?
            .strip_prefix("=\"")?
            .strip_suffix('"')?;
        (!value.is_empty() && !value.contains('"')).then_some(value)
    };
    let wrong = || Err(format!("<{name} {attributes}> in {open:?}"));
    if inside(name) {
        return wrong();
    }
    let language =
        name == "code" && value("class").is_some_and(|class| class.starts_with("language-"));
    if language && open.last() == Some(&"pre") {
        return Ok(());
    }
    if inside("code") || inside("pre") {
        return wrong();
    }
    match name {
        "b" | "i" | "u" | "s" | "tg-spoiler" if attributes.is_empty() => Ok(()),
        "blockquote" if matches!(attributes, "" | "expandable") => Ok(()),
        "a" if value("href").is_some_and(|to| read(to).is_ok_and(|to| leads_out(&to))) => Ok(()),
        "pre" | "code" if attributes.is_empty() => match open {
            [] | ["blockquote"] => Ok(()),
            _ => wrong(),
        },
        _ => wrong(),
    }
}

fn leads_out(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    ["http://", "https://", "tg://"]
        .iter()
        .any(|scheme| lower.starts_with(scheme))
}

#[test]
fn the_reader_takes_what_telegram_takes() {
    let fine = "<b>a <i>b</i></b> <pre><code class=\"language-c++\">x &lt; y</code></pre>\
                <blockquote expandable>q <code>c</code></blockquote><a href=\"https://e.org/?a&amp;b\">l</a>";
    assert_eq!(read(fine).as_deref(), Ok("a b x < yq cl"));
    let wrong = [
        "<b>a",
        "a</b>",
        "<b><i>a</b></i>",
        "<x>a</x>",
        "a & b",
        "a > b",
        "&nbsp;",
        "a <",
        "<b><code>x</code></b>",
        "<code><b>x</b></code>",
        "<pre><b>x</b></pre>",
        "<b><b>x</b></b>",
        "<blockquote>a<blockquote>b</blockquote></blockquote>",
        "<a href=\"javascript:x\">y</a>",
        "<a>y</a>",
        "<code class=\"language-x\">y</code>",
        "<p>a</p>",
    ];
    for html in wrong {
        assert!(read(html).is_err(), "{html}");
    }
}
