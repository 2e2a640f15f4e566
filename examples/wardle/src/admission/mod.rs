pub mod ban_flunder;
pub fn install(apis: &mut apiserver::Apis) {
    apis.admission(ban_flunder::BanFlunder);
}
