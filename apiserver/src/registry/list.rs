//! Reading many objects, at once or in pages that all show one state.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::Registry;
use super::error::Error;
use super::object::Object;
use super::read::{Freshness, WAIT};
use super::selector::Selector;
use crate::storage::cache::{Range, Snapshot};
use crate::storage::{ListRequest, ReadError, Revision};

/// What a list asks for.
#[derive(Debug, Default)]
pub struct ListQuery {
    /// Empty for all namespaces, and for cluster-scoped kinds.
    pub namespace: String,
    /// Which objects are meant.
    pub selector: Selector,
    /// At most so many objects; 0 means all.
    pub limit: usize,
    /// Where an earlier page ended: its token.
    pub continue_token: String,
    /// How fresh; ignored with a token, which names its own revision.
    pub freshness: Freshness,
}

/// Objects in byte order of their keys, as they stood at one revision.
#[derive(Debug, Default)]
pub struct Listing {
    /// The objects of this page.
    pub objects: Vec<Arc<Object>>,
    /// The state that was read.
    pub revision: Revision,
    /// Where the next page starts; empty on the last.
    pub continue_token: String,
    /// How many follow; unknown with a selector.
    pub remaining: Option<u64>,
}

/// How many keys are read at once when a selector may leave some out.
const CHUNK: usize = 1_000;

impl Registry {
    /// Lists objects.
    ///
    /// # Errors
    /// Tokens that are none, revisions that are compacted or in the future, a store that fails.
    pub async fn list(&self, query: &ListQuery) -> Result<Listing, Error> {
        let prefix = self.prefix(if self.kind.namespaced { &query.namespace } else { "" });
        if !query.continue_token.is_empty() {
            let token = Token::read(&query.continue_token, &prefix)?;
            if let Some(at) = token.at
                && let Some(snapshot) = self.next_page(&prefix, &token.start, at, query).await?
            {
                return self.listing(snapshot, &prefix, query);
            }
            return self.list_from(&prefix, token.start, token.at, query).await;
        }
        if let Freshness::Exact(revision) = query.freshness {
            // One that is about to happen is worth a moment; the store says so if it does not.
            self.feed.reached(revision, WAIT).await;
            return self.list_from(&prefix, String::new(), Some(revision), query).await;
        }
        if self.cache_serves(query.freshness).await? {
            return self.list_cached(&prefix, query);
        }
        self.list_from(&prefix, String::new(), None, query).await
    }

    fn list_cached(&self, prefix: &str, query: &ListQuery) -> Result<Listing, Error> {
        // One name is one look-up, however many objects there are.
        if let Some(name) = query.selector.name()
            && (!self.kind.namespaced || !query.namespace.is_empty())
        {
            let revision = self.cache.revision();
            let found = self.cache.get(&format!("{prefix}{name}"));
            let objects: Vec<_> = found.filter(|object| self.matches(&query.selector, object)).into_iter().collect();
            objects.iter().try_for_each(|object| self.usable(object))?;
            return Ok(Listing { objects, revision, ..Listing::default() });
        }
        // Who takes any state wants all of it in one piece: as in Kubernetes, the limit means nothing then.
        let limit = if query.freshness == Freshness::Any { 0 } else { query.limit };
        let lookups = self.lookups(&query.selector);
        let range = Range { prefix, start: "", limit, lookups: &lookups };
        let snapshot = self.cache.select(&range, |object| self.matches(&query.selector, object));
        self.listing(snapshot, prefix, query)
    }

    /// A further page out of the cache: while nothing has changed since the page before, the cache shows that state still.
    async fn next_page(
        &self,
        prefix: &str,
        start: &str,
        at: Revision,
        query: &ListQuery,
    ) -> Result<Option<Snapshot<Object>>, Error> {
        // A cache that is behind would go on with a state that the store may have compacted.
        if !self.cache_serves(Freshness::Consistent).await? {
            return Ok(None);
        }
        let lookups = self.lookups(&query.selector);
        let range = Range { prefix, start, limit: query.limit, lookups: &lookups };
        Ok(self.cache.select_at(at, &range, |object| self.matches(&query.selector, object)))
    }

    fn listing(&self, snapshot: Snapshot<Object>, prefix: &str, query: &ListQuery) -> Result<Listing, Error> {
        let everything = query.selector.is_everything();
        snapshot.objects.iter().try_for_each(|object| self.usable(object))?;
        let next = snapshot.next;
        Ok(Listing {
            continue_token: next
                .as_ref()
                .map(|key| Token::write(key, prefix, Some(snapshot.revision)))
                .unwrap_or_default(),
            remaining: next.filter(|_| everything).map(|_| snapshot.remaining),
            objects: snapshot.objects,
            revision: snapshot.revision,
        })
    }

    /// Lists from the store, which alone knows older states.
    async fn list_from(
        &self,
        prefix: &str,
        start: String,
        at: Option<Revision>,
        query: &ListQuery,
    ) -> Result<Listing, Error> {
        let everything = query.selector.is_everything();
        let mut listing = Listing::default();
        let mut request = ListRequest { prefix: prefix.to_owned(), start, limit: 0, at };
        loop {
            // One more than wanted tells whether another page is worth asking for.
            request.limit = match (query.limit, everything) {
                (0, _) => 0,
                (limit, true) => limit + 1,
                (limit, false) => CHUNK.max(limit + 1),
            };
            let page = match self.store.list(request.clone()).await {
                Err(ReadError::Compacted { .. }) if !query.continue_token.is_empty() => {
                    return Err(Token::too_old(&request.start, prefix));
                }
                page => page?,
            };
            // All chunks show one state, whichever the first one found.
            request.at = Some(page.revision);
            listing.revision = page.revision;
            let count = page.entries.len();
            for (index, entry) in page.entries.iter().enumerate() {
                // Whether another object matches is found out when somebody asks for it.
                if query.limit != 0 && listing.objects.len() == query.limit {
                    listing.continue_token = Token::write(&entry.key, prefix, Some(page.revision));
                    listing.remaining = everything.then_some(page.remaining + (count - index) as u64);
                    return Ok(listing);
                }
                let object = self.decode(entry);
                self.usable(&object)?;
                if everything || self.matches(&query.selector, &object) {
                    listing.objects.push(object);
                }
            }
            match page.entries.last() {
                Some(last) if page.remaining > 0 => request.start = format!("{}\0", last.key),
                _ => return Ok(listing),
            }
        }
    }
}

/// Whether a text is a token.
///
/// # Errors
/// [`Error::BadRequest`] where it is none.
pub fn check_token(text: &str) -> Result<(), Error> {
    Token::read(text, "").map(|_| ())
}

/// Where a listing goes on.
pub(super) struct Token {
    /// The first key of the next page.
    pub start: String,
    /// The state that all pages show; `None` goes on with the newest.
    pub at: Option<Revision>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct TokenJson {
    v: String,
    rv: i64,
    start: String,
}

impl Token {
    pub(super) fn write(key: &str, prefix: &str, at: Option<Revision>) -> String {
        let json = TokenJson {
            v: "meta.k8s.io/v1".into(),
            rv: at.map_or(-1, |revision| revision.0.cast_signed()),
            start: key.strip_prefix(prefix).unwrap_or(key).to_owned(),
        };
        URL_SAFE_NO_PAD.encode(serde_json::to_string(&json).unwrap_or_default())
    }

    /// The answer to a token whose state is no longer kept, with one that goes on at the newest.
    pub(super) fn too_old(key: &str, prefix: &str) -> Error {
        Error::Expired {
            message: "The provided continue parameter is too old to display a consistent list result. You can start a \
                      new list without the continue parameter, or use the continue token in this response to retrieve \
                      the remainder of the results. Continuing with the provided token results in an inconsistent \
                      list - objects that were created, modified, or deleted between the time the first chunk was \
                      returned and now may show up in the list."
                .into(),
            continue_token: Some(Self::write(key, prefix, None)),
        }
    }

    pub(super) fn read(text: &str, prefix: &str) -> Result<Self, Error> {
        let bad = |why: &str| Error::BadRequest(format!("invalid continue token: continue key is not valid: {why}"));
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|error| bad(&error.to_string()))?;
        let token: TokenJson = serde_json::from_slice(&bytes).map_err(|error| bad(&error.to_string()))?;
        if token.v != "meta.k8s.io/v1" {
            return Err(bad(&format!("server does not recognize this encoded version {}", token.v)));
        }
        if token.rv == 0 {
            return Err(bad("incorrect encoded start resourceVersion (version meta.k8s.io/v1)"));
        }
        if token.start.is_empty() {
            return Err(bad("encoded start key empty (version meta.k8s.io/v1)"));
        }
        // A key with such segments would be outside the folder that the path names.
        let start = token.start.strip_prefix('/').unwrap_or(&token.start);
        if start.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
            return Err(bad(&token.start));
        }
        let at = (token.rv > 0).then(|| Revision(token.rv.cast_unsigned()));
        Ok(Self { start: format!("{prefix}{start}"), at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_names_a_key_under_its_prefix() {
        let token = Token::write("/registry/g/birds/a/b", "/registry/g/birds/", Some(Revision(7)));
        let read = Token::read(&token, "/registry/g/birds/").ok().map(|token| (token.start, token.at));
        assert_eq!(read, Some(("/registry/g/birds/a/b".to_owned(), Some(Revision(7)))));
        let read = |json: &str| {
            Token::read(&URL_SAFE_NO_PAD.encode(json), "/p/").map(|token| (token.start, token.at.map_or(0, |at| at.0)))
        };
        let started = |start: &str, at: u64| Some((start.to_owned(), at));
        assert_eq!(read(r#"{"v":"meta.k8s.io/v1","rv":7,"start":"a/b\u0000"}"#).ok(), started("/p/a/b\0", 7));
        assert_eq!(read(r#"{"v":"meta.k8s.io/v1","rv":-1,"start":"a"}"#).ok(), started("/p/a", 0));
        assert_eq!(read(r#"{"v":"meta.k8s.io/v1","rv":-9,"start":"/a","x":1}"#).ok(), started("/p/a", 0));
    }

    #[test]
    fn what_is_no_token_is_refused_with_the_reason() {
        let check = |text: &str, expect: &str| match Token::read(text, "/p/") {
            Err(Error::BadRequest(message)) => {
                let expect = format!("invalid continue token: continue key is not valid: {expect}");
                assert!(message.starts_with(&expect), "{text}: {message}");
            }
            _ => panic!("{text} is a token"),
        };
        for text in ["x", "e30=", "bm90IGpzb24", "%"] {
            check(text, "");
        }
        let json = |json: &str, expect: &str| check(&URL_SAFE_NO_PAD.encode(json), expect);
        json("{}", "server does not recognize this encoded version ");
        json(r#"{"v":"v9","rv":1,"start":"a"}"#, "server does not recognize this encoded version v9");
        let known = |rest: &str, expect: &str| json(&format!(r#"{{"v":"meta.k8s.io/v1"{rest}}}"#), expect);
        known("", "incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
        known(r#","rv":0,"start":"a""#, "incorrect encoded start resourceVersion (version meta.k8s.io/v1)");
        known(r#","rv":1"#, "encoded start key empty (version meta.k8s.io/v1)");
        known(r#","rv":1,"start":"../x""#, "../x");
        known(r#","rv":1,"start":"a//b""#, "a//b");
        known(r#","rv":1,"start":"a/""#, "a/");
        known(r#","rv":1,"start":"/""#, "/");
    }
}
