//! One snapshot an example.

use ipc::frame::{self, FrameError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// One test an enum: every variant has its snapshot, is read back as it was, and fits a frame.
/// Without an example of each variant this does not compile.
macro_rules! snapshots {
    ($test:ident: $kind:ident { $($variant:ident => $example:expr,)+ }) => {
        #[test]
        fn $test() {
            for (name, example) in [$((stringify!($variant), $example)),+] {
                let is_called = match &example {
                    $($kind::$variant { .. } => stringify!($variant),)+
                };
                assert_eq!(is_called, name);
                $crate::still::hold_still(&format!("{}_{name}", stringify!($kind)), &example);
            }
        }
    };
}

pub(crate) use snapshots;

/// A message is written as its snapshot says, and read back as it was.
pub(crate) fn hold_still<T: Serialize + DeserializeOwned + PartialEq + Debug>(
    name: &str,
    message: &T,
) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_json_snapshot!(name, message);
    });
    let mut bytes = Vec::new();
    frame::encode(message, &mut bytes).unwrap();
    assert_eq!(&read::<T>(&bytes).unwrap(), message);
}

/// The message that these bytes are, framed.
pub(crate) fn read<T: DeserializeOwned>(mut bytes: &[u8]) -> Result<T, FrameError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(frame::read(&mut bytes))
}
