//! Long lists in pieces, so that neither side has to hold one huge message.

use super::keys::to_wire;
use super::proto::etcdserverpb::RangeRequest;
use super::{EtcdStore, revision_of};
use crate::storage::{ListRequest, Page, ReadError, Revision};

/// Keys that are fetched at first, when nobody knows yet how large the values are.
const KEYS_FIRST: usize = 1_000;
/// Keys that are fetched at a time at most: each costs a member some memory, however small its value.
const KEYS_MAX: usize = 10_000;
/// What a piece should weigh.
const BYTES_WANTED: usize = 16 << 20;

pub(super) async fn list(store: &EtcdStore, request: ListRequest) -> Result<Page, ReadError> {
    let mut attempts_left = 3;
    loop {
        match list_once(store, &request).await {
            // The revision of the first piece was compacted before the last one was read; the caller asked for none.
            Err(ReadError::Compacted { .. }) if request.at.is_none() && attempts_left > 0 => attempts_left -= 1,
            result => return result,
        }
    }
}

async fn list_once(store: &EtcdStore, request: &ListRequest) -> Result<Page, ReadError> {
    let span = store.keys.span(&request.prefix, &request.start);
    let limit = if request.limit == 0 { usize::MAX } else { request.limit };
    let mut range = RangeRequest { key: span.key, range_end: span.end, ..Default::default() };
    // etcd's first write has revision 2, so 1 is the empty store that we call 0; its own 0 means the newest.
    range.revision = request.at.map_or(0, |at| to_wire(at.max(Revision(1))));

    let mut page = Page { entries: Vec::new(), remaining: 0, revision: Revision(0) };
    let mut piece = KEYS_FIRST;
    let mut first = true;
    loop {
        let wanted = piece.min(limit - page.entries.len());
        range.limit = wanted as i64;
        let answer = match store.range(range.clone()).await {
            Ok(answer) => answer,
            Err(error) => return Err(store.read_error(error, request.at).await),
        };
        if std::mem::take(&mut first) {
            let newest = revision_of(answer.header.as_ref()).map_err(ReadError::Unavailable)?;
            page.revision = request.at.unwrap_or(newest);
            page.remaining = u64::try_from(answer.count).unwrap_or(0);
            page.entries.reserve(limit.min(page.remaining as usize));
            range.revision = to_wire(page.revision.max(Revision(1)));
        }
        let got = answer.kvs.len();
        let bytes: usize = answer.kvs.iter().map(|kv| kv.key.len() + kv.value.len()).sum();
        if let Some(last) = answer.kvs.last() {
            range.key = [&last.key[..], b"\0"].concat().into();
        }
        for kv in answer.kvs {
            page.entries.push(store.keys.entry(kv).map_err(ReadError::Unavailable)?);
        }
        page.remaining = page.remaining.saturating_sub(got as u64);
        if got < wanted || page.remaining == 0 || page.entries.len() >= limit {
            return Ok(page);
        }
        piece = next_piece(bytes / got);
    }
}

/// Keys to ask for next, when those before weighed so many bytes each.
fn next_piece(bytes_each: usize) -> usize {
    (BYTES_WANTED / bytes_each.max(1)).clamp(10, KEYS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_weigh_about_the_same() {
        let check = |bytes_each, expected| assert_eq!(next_piece(bytes_each), expected, "{bytes_each}");
        check(0, 10_000);
        check(1_024, 10_000);
        check(16 << 10, 1_024);
        check(1 << 20, 16);
        check(100 << 20, 10);
    }
}
