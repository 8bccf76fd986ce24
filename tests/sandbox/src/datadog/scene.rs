//! What a person does to the organisation in Datadog's pages, and what a test looks up in it.
//!
//! An id that does not exist panics: the test that gave it is wrong.

use time::OffsetDateTime;

use super::key::{Class, Key, Minted};
use super::user::{Role, Status, User};
use super::{Datadog, user};

impl Datadog {
    /// A service account with a role of its own that grants these permissions. Returns its id.
    pub fn create_service_account(
        &mut self,
        now: OffsetDateTime,
        name: &str,
        permissions: &[&str],
    ) -> String {
        let role = Role::custom(
            self.generator.id(),
            &format!("{name} role"),
            permissions,
            now,
        );
        let email = format!("{}@service-accounts.example.com", name.replace(' ', "-"));
        let mut account = User::service_account(self.generator.id(), &email, now);
        account.name = Some(name.to_owned());
        account.roles.push(role.id.clone());
        let id = account.id.clone();
        self.roles.push(role);
        self.users.push(account);
        id
    }

    /// A person with the managed administrator role, which holds every permission. Returns the id.
    pub fn create_administrator(&mut self, now: OffsetDateTime, name: &str) -> String {
        let email = format!("{}@example.com", name.replace(' ', "-"));
        let mut person = User::human(self.generator.id(), &email, now);
        person.name = Some(name.to_owned());
        person.accept_invitation(&self.roles[0].id);
        let id = person.id.clone();
        self.users.push(person);
        id
    }

    /// An API key that has spread already, of category `default`, made by the first administrator.
    pub fn create_api_key(&mut self, now: OffsetDateTime, name: &str) -> Minted {
        let minted = Minted {
            id: self.generator.id(),
            value: self.generator.api_key(),
        };
        let class = Class::Api {
            category: "default".to_owned(),
            remote_config_read_enabled: true,
            read_only: self.settings.read_only_attributes.clone(),
        };
        let founder = self.users[0].id.clone();
        self.keys
            .push(Key::new(class, minted.clone(), name, &founder, now));
        minted
    }

    /// An application key of `owner` that has spread already; no scopes, or none named, leave it
    /// unscoped.
    ///
    /// # Panics
    ///
    /// If there is no such owner.
    pub fn create_application_key(
        &mut self,
        now: OffsetDateTime,
        owner: &str,
        name: &str,
        scopes: Option<&[&str]>,
    ) -> Minted {
        assert!(self.user(owner).is_some(), "no user {owner}");
        let minted = Minted {
            id: self.generator.id(),
            value: self.generator.application_key(),
        };
        let class = Class::Application {
            scopes: owned(scopes),
        };
        self.keys
            .push(Key::new(class, minted.clone(), name, owner, now));
        minted
    }

    /// A token of a service account that has spread already.
    ///
    /// # Panics
    ///
    /// If there is no such owner.
    pub fn create_access_token(
        &mut self,
        now: OffsetDateTime,
        owner: &str,
        name: &str,
        scopes: &[&str],
        expires_at: Option<OffsetDateTime>,
    ) -> Minted {
        assert!(self.user(owner).is_some(), "no user {owner}");
        let minted = Minted {
            id: self.generator.id(),
            value: self.generator.access_token(),
        };
        let class = Class::AccessToken {
            scopes: owned(Some(scopes)).unwrap_or_default(),
            expires_at,
        };
        self.keys
            .push(Key::new(class, minted.clone(), name, owner, now));
        minted
    }

    /// Revokes a key or token.
    pub fn revoke(&mut self, now: OffsetDateTime, id: &str) {
        self.key_mut(id).revoke(now);
    }

    /// Gives a key another name, as its owner may.
    pub fn rename(&mut self, id: &str, name: &str) {
        name.clone_into(&mut self.key_mut(id).name);
    }

    /// Makes a key one of another organisation.
    pub fn give_away(&mut self, id: &str) {
        self.key_mut(id).is_foreign = true;
    }

    /// Disables a user, whose application keys end with it; API keys live on (documented).
    pub fn disable(&mut self, now: OffsetDateTime, user: &str) {
        let account = self.user_mut(user);
        account.status = Status::Disabled;
        account.modified_at = now;
        let owned = self
            .keys
            .iter_mut()
            .filter(|key| !key.is_api_key() && key.owner == user);
        owned.for_each(|key| key.revoke(now));
    }

    /// Makes a key as old as if it had been created at `created_at`.
    pub fn backdate(&mut self, id: &str, created_at: OffsetDateTime) {
        let key = self.key_mut(id);
        (key.created_at, key.modified_at) = (created_at, created_at);
        (key.usable_from, key.listed_from) = (created_at, created_at);
    }

    /// Changes the scopes of an application key or token; none make a key unscoped.
    ///
    /// # Panics
    ///
    /// If there is no such key.
    pub fn set_scopes(&mut self, id: &str, scopes: Option<&[&str]>) {
        let key = self.key_mut(id);
        key.class = match key.class {
            Class::Api { .. } => panic!("{id} is an API key, which has no scopes"),
            Class::Application { .. } => Class::Application {
                scopes: owned(scopes),
            },
            Class::AccessToken { expires_at, .. } => Class::AccessToken {
                scopes: owned(scopes).unwrap_or_default(),
                expires_at,
            },
        };
    }

    /// Changes category and remote configuration of an API key.
    ///
    /// # Panics
    ///
    /// If there is no such API key.
    pub fn set_members(&mut self, id: &str, category: &str, remote_config_read_enabled: bool) {
        let read_only = self.settings.read_only_attributes.clone();
        let key = self.key_mut(id);
        assert!(
            key.is_api_key(),
            "{id} is an application key, which has scopes"
        );
        key.class = Class::Api {
            category: category.to_owned(),
            remote_config_read_enabled,
            read_only,
        };
    }

    /// Switches an attribute that no request can set, as Datadog's pages do.
    ///
    /// # Panics
    ///
    /// If there is no such API key.
    pub fn switch(&mut self, id: &str, attribute: &str, value: bool) {
        match &mut self.key_mut(id).class {
            Class::Api { read_only, .. } => read_only.insert(attribute.to_owned(), value),
            _ => panic!("{id} is no API key"),
        };
    }

    /// Lets a key do what another of its class may do.
    ///
    /// # Panics
    ///
    /// If there are no such keys.
    pub fn liken(&mut self, id: &str, to: &str) {
        let class = self.key_mut(to).class.clone();
        self.key_mut(id).class = class;
    }

    /// Replaces the roles of a user by one that grants these permissions.
    pub fn set_permissions(&mut self, user: &str, permissions: &[&str]) {
        let role = Role::custom(
            self.generator.id(),
            "Changed role",
            permissions,
            user::FOUNDED,
        );
        self.user_mut(user).roles = vec![role.id.clone()];
        self.roles.push(role);
    }

    /// Every key that ever existed, in the order of making.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    #[must_use]
    pub fn key(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    /// Whether a key of this text authenticates at `now`. It may still lack every permission.
    #[must_use]
    pub fn is_usable(&self, now: OffsetDateTime, value: &str) -> bool {
        let lag = self.settings.revoked_key_usable_for;
        let mut keys = self.keys.iter().filter(|key| key.value == value);
        keys.any(|key| key.is_usable(now, lag) && (key.is_api_key() || self.is_active(&key.owner)))
    }

    /// Every key text, token and proof that ever existed, and what the proofs were signed with, to
    /// be searched for in all output.
    pub fn every_value(&self) -> impl Iterator<Item = &str> {
        let keys = self.keys.iter().map(|key| key.value.as_str());
        let tokens = self.tokens.iter().map(|token| token.value.as_str());
        let proofs = self.proofs.iter().map(String::as_str);
        keys.chain(tokens)
            .chain(proofs)
            .chain(self.sts.every_value())
    }

    fn key_mut(&mut self, id: &str) -> &mut Key {
        match self.keys.iter_mut().find(|key| key.id == id) {
            Some(key) => key,
            None => panic!("no key {id}"),
        }
    }

    fn user_mut(&mut self, id: &str) -> &mut User {
        match self.users.iter_mut().find(|user| user.id == id) {
            Some(user) => user,
            None => panic!("no user {id}"),
        }
    }
}

fn owned(scopes: Option<&[&str]>) -> Option<Vec<String>> {
    let scopes = scopes.filter(|scopes| !scopes.is_empty())?;
    Some(scopes.iter().copied().map(str::to_owned).collect())
}
