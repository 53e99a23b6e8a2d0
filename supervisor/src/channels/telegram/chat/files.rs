//! Parts of an answer that are files.

use super::deliver::Parcel;
use super::desk::Desk;
use super::letter::Form;
use super::say::{Next, Tries, Unsaid};
use crate::channels::telegram::Place;
use crate::channels::telegram::outgoing::Part;
use crate::channels::telegram::upload::{self, Step, Upload};
use crate::store::Post;

/// Tries of a file that never left; then it is one that can not be read.
const TRIES: u32 = 30;

/// A file on its way, and how its post is called.
struct Sending<'a> {
    key: &'a str,
    place: &'a Place,
    quote: Option<i32>,
    upload: Upload,
}

impl Desk {
    /// Sends files, and says in words what is wrong with one.
    pub(super) async fn say_files(
        &self,
        key: &str,
        parcel: &Parcel<'_>,
        part: &Part,
        quote: Option<i32>,
        sent: &[Post],
    ) -> Result<(), Unsaid> {
        let live = self.bot.services.live.load_full();
        let steps = upload::plan(&live, &parcel.agent, part, parcel.composed.as_voice).await;
        let place = &parcel.origin.place;
        for (n, step) in steps.into_iter().enumerate() {
            let key = format!("{key}-{n:04}");
            let before = sent.iter().find(|post| post.key == key);
            if before.is_some_and(|post| post.message.is_some()) {
                continue;
            }
            let quote = quote.filter(|_| n == 0);
            let text = parcel.text.clone().filter(|_| n == 0);
            match step {
                Step::Text(words) => {
                    let letter = self.letter(words, quote);
                    self.say_words(&key, place, letter, before, text).await?;
                }
                Step::Upload(upload) => {
                    let sending = Sending {
                        key: &key,
                        place,
                        quote,
                        upload,
                    };
                    Box::pin(self.send_file(sending, before, text)).await?;
                }
            }
        }
        Ok(())
    }

    async fn send_file(
        &self,
        mut sending: Sending<'_>,
        before: Option<&Post>,
        text: Option<String>,
    ) -> Result<(), Unsaid> {
        let (mut form, mut tries) = (Form::Html, Tries::default());
        let mut doubt = before.map(|post| post.after);
        loop {
            if let Some(after) = doubt.take()
                && let Some(first) = self.look_for(sending.place, after, None).await?
            {
                return self.all_arrived(&sending, first).await;
            }
            let place = self.now_at(sending.place);
            let pass = self.may_say(place.chat).await?;
            let after = self.begin(sending.key, &place, text.clone()).await?;
            let sent = sending.upload.send(&self.bot.api, &place, sending.quote);
            let sent = sent.await;
            drop(pass);
            let next = match sent {
                Ok(messages) => match messages.first() {
                    Some(first) => return self.all_arrived(&sending, *first).await,
                    None => Next::Doubt,
                },
                Err(error) => self.failed(&place, &error, form),
            };
            match next {
                Next::Plain => {
                    form = Form::Plain;
                    sending.upload = sending.upload.plain();
                }
                Next::Unquoted => sending.quote = None,
                Next::Doubt => {
                    self.wait(&mut tries).await?;
                    doubt = Some(after);
                }
                Next::Again if tries.count() >= TRIES => {
                    return Err(Unsaid::Never("a file can not be read".to_owned()));
                }
                next @ (Next::Wait(_)
                | Next::Again
                | Next::Done
                | Next::Moved(_)
                | Next::Gone
                | Next::TooLong
                | Next::Never(_)
                | Next::Down) => self.go_on(next, sending.key, &mut tries).await?,
            }
        }
    }

    /// The messages of an album have numbers that follow each other; all are known as ours.
    async fn all_arrived(&self, sending: &Sending<'_>, first: i32) -> Result<(), Unsaid> {
        let place = self.now_at(sending.place);
        self.arrived(sending.key, &place, first).await?;
        let others = i32::try_from(sending.upload.messages()).unwrap_or(1);
        for n in 1..others {
            let key = format!("{}+{n:04}", sending.key);
            self.begin(&key, &place, None).await?;
            self.arrived(&key, &place, first + n).await?;
        }
        Ok(())
    }
}
