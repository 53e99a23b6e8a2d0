//! What is counted can always be counted.

use super::{answer, open, opened, run, session};
use ipc::id::{ItemId, TurnId};
use ipc::model::Usage;

#[test]
fn no_providers_claim_overflows_a_sum() {
    let home = tempfile::tempdir().unwrap();
    run(async {
        let store = open(home.path());
        let id = opened(&store, &session("main")).await.id;
        store
            .begin_turn(&id, TurnId(1), vec![], vec![])
            .await
            .unwrap();
        let claimed = Usage {
            input: u64::MAX,
            output: u64::MAX,
            cached: u64::MAX,
        };
        for item in 1..=3 {
            let said = vec![(ItemId(item), answer("words", 0))];
            let usage = Some(("mock/model".to_owned(), claimed));
            store
                .append(&id, TurnId(1), said, vec![], usage)
                .await
                .unwrap();
        }
        let open = opened(&store, &session("main")).await;
        let most = super::super::usage::MOST;
        assert_eq!(open.usage.input, 3 * most);
        assert_eq!(open.unfinished.unwrap().tokens, 6 * most);
        let rows = store.usage_since(0).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].calls, rows[0].usage.output), (3, 3 * most));
        let tomorrow = (rows[0].day + 1) * 86_400_000;
        assert!(store.usage_since(tomorrow).await.unwrap().is_empty());
    });
}
