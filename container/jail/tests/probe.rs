//! What the probe says of the machine the tests run on.

use jail::probe::probe;
use std::path::Path;

#[test]
fn the_probe_proves_each_wall() {
    let folder = tempfile::tempdir().unwrap();
    let report = probe(
        Path::new(env!("CARGO_BIN_EXE_openclaw-jail")),
        folder.path(),
    )
    .unwrap();
    assert_eq!(report.level, 3);
    assert!(report.layers.iter().all(|layer| layer.holds), "{report:#?}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none());
}
