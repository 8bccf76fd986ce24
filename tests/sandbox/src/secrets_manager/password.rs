use serde_json::{Value, json};

use super::SecretsManager;
use super::error::Refusal;
use super::input::Input;

const CLASSES: [(&str, &str); 5] = [
    ("ExcludeLowercase", "abcdefghijklmnopqrstuvwxyz"),
    ("ExcludeUppercase", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    ("ExcludeNumbers", "0123456789"),
    (
        "ExcludePunctuation",
        r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##,
    ),
    ("IncludeSpace", " "),
];

impl SecretsManager {
    pub(super) fn get_random_password(&mut self, input: &Input) -> Result<Value, Refusal> {
        let length = input.whole("PasswordLength", 1..=4096)?.unwrap_or(32);
        let length = usize::try_from(length).unwrap_or(32);
        let excluded = input
            .text("ExcludeCharacters", 0..=4096)?
            .unwrap_or_default();
        let require_each = input.flag("RequireEachIncludedType")?.unwrap_or(true);
        let mut classes = Vec::new();
        for (member, characters) in CLASSES {
            let is_asked = input.flag(member)?.unwrap_or(false);
            if is_asked == (member == "IncludeSpace") {
                let allowed: Vec<_> = characters
                    .chars()
                    .filter(|character| !excluded.contains(*character))
                    .collect();
                classes.push(allowed);
            }
        }
        classes.retain(|class| !class.is_empty());
        let all = classes.concat();
        if all.is_empty() || (require_each && length < classes.len()) {
            return Err(Refusal::invalid_parameter(
                "No password meets the requirements of the request.",
            ));
        }
        let mut password = Vec::with_capacity(length);
        if require_each {
            for class in &classes {
                password.push(class[self.ids.index(class.len())]);
            }
        }
        while password.len() < length {
            password.push(all[self.ids.index(all.len())]);
        }
        self.ids.shuffle(&mut password);
        Ok(json!({ "RandomPassword": password.into_iter().collect::<String>() }))
    }
}
