//! Refuses every Flunder whose name a Fischer disallows.

use apiserver::admission::{Admission, Attributes, Denied, Operation, Target};

use crate::apis::wardle::v1alpha1::fischer::Fischer;
use crate::apis::wardle::v1beta1::flunder::Flunder;

/// The plugin.
pub struct BanFlunder;

#[apiserver::async_trait]
impl Admission for BanFlunder {
    fn handles(&self, target: &Target<'_>) -> bool {
        target.operation == Operation::Create && target.is::<Flunder>()
    }

    async fn validate(&self, request: &Attributes<'_>) -> Result<(), Denied> {
        let fischers = request.objects().list::<Fischer>("").await?;
        let mut disallowed = fischers
            .iter()
            .flat_map(|fischer| &fischer.spec.disallowed_flunders);
        if disallowed.any(|name| *name == request.name) {
            return Err("this name may not be used, please change the resource name".into());
        }
        Ok(())
    }
}
