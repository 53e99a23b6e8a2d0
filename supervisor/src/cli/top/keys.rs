//! What a terminal says, in our words.

use super::event::{Event, Key, Size};
use ratatui::crossterm::event::{self, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// What happened, if it means anything here.
pub(super) fn read(said: event::Event) -> Option<Event> {
    match said {
        event::Event::Key(pressed) => key(pressed).map(Event::Key),
        event::Event::Paste(text) => Some(Event::Pasted(text)),
        event::Event::Resize(width, height) => Some(Event::Resized(Size { width, height })),
        event::Event::FocusGained | event::Event::FocusLost | event::Event::Mouse(_) => None,
    }
}

fn key(pressed: KeyEvent) -> Option<Key> {
    if pressed.kind == KeyEventKind::Release {
        return None;
    }
    let control = pressed.modifiers.contains(KeyModifiers::CONTROL);
    if let KeyCode::Char(c) = pressed.code {
        return match (control, pressed.modifiers.contains(KeyModifiers::ALT)) {
            (true, _) => Some(Key::Control(c.to_ascii_lowercase())),
            (false, true) => None,
            (false, false) => Some(Key::Char(c)),
        };
    }
    NAMED
        .iter()
        .find(|(code, _)| *code == pressed.code)
        .map(|(_, key)| *key)
}

/// The keys with a name; the others mean nothing here.
const NAMED: [(KeyCode, Key); 12] = [
    (KeyCode::Up, Key::Up),
    (KeyCode::Down, Key::Down),
    (KeyCode::Left, Key::Left),
    (KeyCode::Right, Key::Right),
    (KeyCode::PageUp, Key::PageUp),
    (KeyCode::PageDown, Key::PageDown),
    (KeyCode::Home, Key::Home),
    (KeyCode::End, Key::End),
    (KeyCode::Enter, Key::Enter),
    (KeyCode::Esc, Key::Escape),
    (KeyCode::Backspace, Key::Backspace),
    (KeyCode::Tab, Key::Tab),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_what_means_nothing_is_not() {
        let read = |code, modifiers| read(event::Event::Key(KeyEvent::new(code, modifiers)));
        let (none, control) = (KeyModifiers::NONE, KeyModifiers::CONTROL);
        let key = |key| Some(Event::Key(key));
        assert_eq!(
            read(KeyCode::Char('K'), KeyModifiers::SHIFT),
            key(Key::Char('K'))
        );
        assert_eq!(read(KeyCode::Char('C'), control), key(Key::Control('c')));
        assert_eq!(read(KeyCode::Tab, none), key(Key::Tab));
        assert_eq!(read(KeyCode::F(7), none), None);
        assert_eq!(read(KeyCode::Char('y'), KeyModifiers::ALT), None);
    }
}
