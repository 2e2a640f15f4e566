//! Single reads and the store's revision: nothing acknowledged is ever missing.

use crate::storage::Revision;

use super::Subject;

/// Reading nothing is no error.
pub async fn get_of_a_missing_key_is_nothing(s: Subject) {
    assert_eq!(s.get("robin").await, None);
    let first = s.create("robin", "1").await;
    s.delete("robin", first).await;
    assert_eq!(s.get("robin").await, None);
}

/// A write that was acknowledged to one is seen by all.
pub async fn get_sees_every_acknowledged_write(s: Subject) {
    let mut revision = s.create("robin", "0").await;
    for n in 1..=50 {
        let writer = s.clone();
        revision = tokio::spawn(async move { writer.update("robin", &n.to_string(), revision).await })
            .await
            .expect("a writer");
        let entry = s.get("robin").await.expect("robin");
        assert_eq!((entry.value, entry.revision), (n.to_string().into(), revision));
    }
}

/// An entry carries the revision of its own last write, not the store's.
pub async fn get_tells_the_last_write_to_that_key(s: Subject) {
    let robin = s.create("robin", "1").await;
    let wren = s.create("wren", "1").await;
    let wren = s.update("wren", "2", wren).await;
    assert_eq!(s.get("robin").await.expect("robin").revision, robin);
    assert_eq!(s.get("wren").await.expect("wren").revision, wren);
}

/// A key is the whole key.
pub async fn get_takes_no_prefixes(s: Subject) {
    s.create("birds/robin", "1").await;
    for name in ["birds", "birds/", "birds/robi", "birds/robin/", "birds/robins"] {
        assert_eq!(s.get(name).await, None, "{name}");
    }
}

/// The store's revision is never behind a write that somebody knows of.
pub async fn the_revision_covers_every_acknowledged_write(s: Subject) {
    let mut written = s.create("robin", "0").await;
    for n in 1..=20 {
        let before = s.revision().await;
        assert!(written <= before);
        written = s.update("robin", &n.to_string(), written).await;
        assert!(before < written);
    }
    let gone = s.delete("robin", written).await;
    assert!(gone <= s.revision().await);
}

/// To a Kubernetes client the resourceVersion 0 means "any", so no state may carry it, an empty store's neither.
pub async fn the_revision_is_never_zero(s: Subject) {
    assert!(s.revision().await > Revision(0));
    assert!(s.list(s.all()).await.revision > Revision(0));
}
