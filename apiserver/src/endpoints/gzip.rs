//! Long answers are packed where the client takes it. Source: `gzip` in Kubernetes' response writers.

use std::io::Write;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures::{Stream, StreamExt};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, VARY};
use http::{Response, StatusCode};

use crate::body::Body;

/// Shorter bodies are not worth the work.
pub const BYTES_MIN: usize = 128 << 10;
/// The same for OpenAPI. Source: `DefaultMinSize` of the handler around it in Kubernetes.
const DOCUMENT_BYTES_MIN: usize = 1400;

/// A body, packed or not.
pub struct Coded {
    body: Body,
    content_type: &'static str,
    packed: bool,
}

impl Coded {
    /// A body as it is.
    pub fn plain(body: Body) -> Self {
        Self { body, content_type: "application/json", packed: false }
    }

    /// The same with another content type.
    #[must_use]
    pub fn with_type(self, content_type: &'static str) -> Self {
        Self { content_type, ..self }
    }

    /// The answer.
    pub fn into_response(self, code: StatusCode) -> Response<Body> {
        let mut response = Response::new(self.body);
        *response.status_mut() = code;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        if self.packed {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        response
    }
}

/// Packs an answer that is all there and long enough.
pub fn response(response: Response<Body>) -> Response<Body> {
    longer_than(BYTES_MIN, response)
}

/// The same for documents that are made for programs.
pub fn document(response: Response<Body>) -> Response<Body> {
    longer_than(DOCUMENT_BYTES_MIN, response)
}

fn longer_than(bytes_min: usize, response: Response<Body>) -> Response<Body> {
    let (mut parts, body) = response.into_parts();
    let coded = pack(body, bytes_min);
    if coded.packed {
        parts.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        parts.headers.append(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    Response::from_parts(parts, coded.body)
}

/// Packs a body that is all there and long enough.
pub fn body(body: Body) -> Coded {
    pack(body, BYTES_MIN)
}

fn pack(body: Body, bytes_min: usize) -> Coded {
    match body {
        Body::Full(bytes) if bytes.len() > bytes_min => {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            match encoder.write_all(&bytes).and_then(|()| encoder.finish()) {
                Ok(packed) => Coded { body: packed.into(), content_type: "application/json", packed: true },
                Err(_) => Coded::plain(Body::Full(bytes)),
            }
        }
        body => Coded::plain(body),
    }
}

/// Packs a long body whose rest comes while it is sent, chunk by chunk.
pub fn stream(first: Bytes, rest: impl Stream<Item = Bytes> + Send + 'static) -> Coded {
    let chunks = futures::stream::once(std::future::ready(first)).chain(rest).boxed();
    let encoder = Some(GzEncoder::new(Vec::new(), Compression::fast()));
    let packed = futures::stream::unfold((chunks, encoder), |(mut chunks, encoder)| async move {
        let mut encoder = encoder?;
        // Writing into memory has no way to fail; should it, the client sees a stream that ends early.
        match chunks.next().await {
            Some(chunk) => {
                encoder.write_all(&chunk).ok()?;
                let packed = std::mem::take(encoder.get_mut());
                Some((Bytes::from(packed), (chunks, Some(encoder))))
            }
            None => Some((Bytes::from(encoder.finish().ok()?), (chunks, None))),
        }
    });
    let packed = packed.filter(|chunk| std::future::ready(!chunk.is_empty()));
    Coded { body: Body::Stream(packed.boxed()), content_type: "application/json", packed: true }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use http_body_util::BodyExt;

    use super::*;

    async fn unpack(coded: Coded) -> Vec<u8> {
        let packed = coded.body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
        let mut out = Vec::new();
        GzDecoder::new(&*packed).read_to_end(&mut out).expect("gzip");
        out
    }

    #[tokio::test]
    async fn long_bodies_are_packed_and_short_ones_are_not() {
        assert!(!body(vec![b'x'; 100].into()).packed);
        let long = vec![b'x'; BYTES_MIN + 1];
        assert_eq!(unpack(body(long.clone().into())).await, long);
        let chunks: Vec<Bytes> = long.chunks(1000).map(Bytes::copy_from_slice).collect();
        let rest = futures::stream::iter(chunks[1..].to_vec());
        assert_eq!(unpack(stream(chunks[0].clone(), rest)).await, long);
    }
}
