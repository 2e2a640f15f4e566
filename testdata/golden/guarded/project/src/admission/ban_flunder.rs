//! Asked about every new Bird: notes who made it, and bans some names.

use apiserver::{admission, async_trait};
use kube::ResourceExt;

use crate::apis::demo::v1::bird::Bird;

/// Says who made an object.
const MADE_BY: &str = "guarded.example.com/made-by";

/// No name starts with this.
const BANNED: &str = "banned";

/// What the server asks.
pub struct BanFlunder;

#[async_trait]
impl apiserver::Admission for BanFlunder {
    /// Which requests are shown to it. Asked before every write, so it must be quick.
    fn handles(&self, target: &admission::Target<'_>) -> bool {
        let is_new = target.operation == admission::Operation::Create;
        let is_meant = target.is::<Bird>();
        is_meant && is_new && target.subresource.is_empty()
    }

    /// May change the object. What it does twice must be what it does once: it may be asked again.
    async fn mutate(
        &self,
        request: &mut admission::Attributes<'_>,
    ) -> Result<(), admission::Denied> {
        let user = request.user.username.clone();
        request.change(|object: &mut Bird| {
            let annotations = object.annotations_mut();
            annotations.entry(MADE_BY.to_owned()).or_insert(user);
        })
    }

    /// May refuse the request, and sees the object as it will be kept.
    async fn validate(&self, request: &admission::Attributes<'_>) -> Result<(), admission::Denied> {
        if request.name.starts_with(BANNED) {
            return Err(format!("no name starts with {BANNED:?}").into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use apiserver::TestServer;
    use kube::Api;
    use kube::api::PostParams;

    use super::*;

    #[tokio::test]
    async fn who_made_an_object_is_noted() {
        let created = create("example").await.unwrap();
        assert!(!created.annotations()[MADE_BY].is_empty());
    }

    #[tokio::test]
    async fn a_banned_name_is_refused() {
        match create("banned-example").await {
            Err(kube::Error::Api(status)) => {
                assert!(status.message.ends_with("no name starts with \"banned\""));
                assert_eq!(status.code, 403);
            }
            other => panic!("this should have been refused: {other:?}"),
        }
    }

    /// Makes an object of this name.
    async fn create(name: &str) -> kube::Result<Bird> {
        let server = TestServer::start(crate::apis::install).await;
        let api: Api<Bird> = server.api_in("default");
        let sample = include_str!("../../sample/bird.yaml");
        let mut object: Bird = serde_saphyr::from_str(sample).unwrap();
        object.metadata.name = Some(name.to_owned());
        api.create(&PostParams::default(), &object).await
    }
}
