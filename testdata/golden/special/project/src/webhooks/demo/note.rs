//! What a cluster that serves Note as a CRD asks this project about every Note.

use crate::apis::demo::note::NoteStrategy;

/// The hooks that are asked: those of this project's own server. To differ, return a strategy of your own.
pub fn strategy() -> NoteStrategy {
    NoteStrategy
}

#[cfg(test)]
mod tests {
    use apiserver::testing;
    use serde_json::json;

    use super::*;
    use crate::apis::demo::v1::note::Note;

    #[tokio::test]
    async fn the_sample_passes() {
        webhooks().create(&sample()).await.unwrap();
    }

    #[tokio::test]
    async fn a_title_is_text() {
        let refusal = webhooks().create(&object("title", &json!(1))).await;
        assert_eq!(refusal.unwrap_err().code, 422);
    }

    #[tokio::test]
    async fn they_are_served_over_tls() {
        let server = webhooks().serve().await;
        let review = json!({
            "apiVersion": "admission.k8s.io/v1",
            "kind": "AdmissionReview",
            "request": {
                "uid": "1",
                "kind": { "group": "demo.special.example.com", "version": "v1", "kind": "Note" },
                "resource": { "group": "demo.special.example.com", "version": "v1", "resource": "notes" },
                "operation": "CREATE",
                "userInfo": { "username": "alice" },
                "object": sample(),
            },
        });
        let path = "/validate-demo-special-example-com-v1-note";
        let request = apiserver::http::Request::post(path).body(review.to_string());
        let response = server.request(request.unwrap()).await.unwrap();
        let answer: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(answer["response"]["allowed"], true, "{answer}");
    }

    /// Asked for everything, whatever `PROJECT` says.
    fn webhooks() -> testing::WebhookTest {
        testing::WebhookTest::new(crate::apis::install, |webhooks| {
            webhooks.kind(strategy()).defaulting().validation();
        })
    }

    /// The object in `sample/`.
    fn sample() -> Note {
        let sample = include_str!("../../../sample/note.yaml");
        serde_saphyr::from_str(sample).unwrap()
    }

    /// An object with this field.
    fn object(field: &str, value: &serde_json::Value) -> Note {
        let object = json!({ "metadata": { "name": "example" }, field: value });
        serde_json::from_value(object).unwrap()
    }
}
