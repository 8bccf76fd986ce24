//! Ids and key texts of the real shapes, the same in every run.

use std::iter::repeat_with;

use uuid::Builder;

#[derive(Clone, Debug)]
pub(super) struct Generator {
    random: fastrand::Rng,
}

impl Generator {
    pub(super) fn new() -> Self {
        Self {
            random: fastrand::Rng::with_seed(0xDA7A_D065),
        }
    }

    /// A UUID of version 4.
    pub(super) fn id(&mut self) -> String {
        Builder::from_random_bytes(self.random.u128(..).to_be_bytes())
            .into_uuid()
            .to_string()
    }

    /// 32 hexadecimal digits.
    pub(super) fn api_key(&mut self) -> String {
        format!("{:032x}", self.random.u128(..))
    }

    /// A shape of both classes that nobody has seen yet.
    pub(super) fn of_new_shape(&mut self) -> String {
        let random: String = repeat_with(|| self.random.alphanumeric())
            .take(52)
            .collect();
        format!("ddnew2_{random}")
    }

    /// Of a JWT's look; nobody but its maker is to read it.
    pub(super) fn token(&mut self) -> String {
        let mut random = |length| -> String {
            repeat_with(|| self.random.alphanumeric())
                .take(length)
                .collect()
        };
        format!("eyJhbGciOiJFUzI1NiJ9.{}.{}", random(120), random(86))
    }

    /// `ddsat_`, 22 letters and digits which are no secret, and 36 which are.
    pub(super) fn access_token(&mut self) -> String {
        let mut random = |length| -> String {
            repeat_with(|| self.random.alphanumeric())
                .take(length)
                .collect()
        };
        format!("ddsat_{}_{}", random(22), random(36))
    }

    /// `ddapp_` and 34 letters and digits, the shape since 2026.
    pub(super) fn application_key(&mut self) -> String {
        let random: String = repeat_with(|| self.random.alphanumeric())
            .take(34)
            .collect();
        format!("ddapp_{random}")
    }
}
