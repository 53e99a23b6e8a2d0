//! The file tools, with good and bad input.

use crate::harness::{Toolbox, failed, said};
use ipc::tool_args::{LsArgs, ReadArgs, ToolArgs, WriteArgs};

pub(crate) fn read(path: &str) -> ToolArgs {
    read_from(path, None, None)
}

fn read_from(path: &str, offset: Option<u64>, limit: Option<u64>) -> ToolArgs {
    ToolArgs::Read(ReadArgs {
        path: path.to_owned(),
        offset,
        limit,
    })
}

fn write(path: &str, content: &str) -> ToolArgs {
    ToolArgs::Write(WriteArgs {
        path: path.to_owned(),
        content: content.to_owned(),
    })
}

fn ls(path: &str) -> ToolArgs {
    ToolArgs::Ls(LsArgs {
        path: Some(path.to_owned()),
        ..LsArgs::default()
    })
}

#[tokio::test]
async fn what_is_written_is_read() {
    let mut toolbox = Toolbox::files().await;
    let told = said(toolbox.call(write("deep/er/file.txt", "one\ntwo\n")).await);
    assert_eq!(told, "created deep/er/file.txt: 8 bytes, 2 lines");
    assert_eq!(
        said(toolbox.call(read("deep/er/file.txt")).await),
        "one\ntwo\n"
    );
    let told = said(toolbox.call(write("deep/er/file.txt", "new")).await);
    assert_eq!(told, "replaced deep/er/file.txt: 3 bytes, 1 lines");
    let absolute = toolbox.path("deep/er/file.txt").display().to_string();
    assert_eq!(said(toolbox.call(read(&absolute)).await), "new");
    assert_eq!(
        said(toolbox.call(ls("deep/er")).await),
        "file.txt  3 bytes\n"
    );
}
