"""A session that is to be given up: what the broker still holds for it is taken, and nothing more is subscribed to."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bridge.mqtt.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.mqtt.session_settings import SessionSettings


class DrainingSubscriber(Subscriber):
    """Nothing is dialled before `leave`: whoever takes over subscribes first, or messages would find nobody."""

    def __init__(
        self,
        settings: SessionSettings,
        *,
        held: Iterable[str] = (),
        on_session: Callable[[bool], None] = lambda _present: None,
    ) -> None:
        super().__init__(settings, held=held, on_session=on_session)
        self._dial_at = math.inf

    def set_filters(self, filters: Mapping[str, int]) -> None:
        """What the mappings want is what the session may hold, also where nothing is known of it any more."""
        prefix = f"$share/{self.subscriptions.share}/" if self.subscriptions.share else ""
        self.subscriptions.maybe_subscribed.update(prefix + text for text in filters)

    def leave(self) -> None:
        """Unsubscribe from everything, as soon as `poll` runs. Any thread."""
        self._dial_at = min(self._dial_at, 0.0)
        super().set_filters({})

    @property
    def left(self) -> bool:
        """The broker has confirmed that the session is subscribed to nothing."""
        return self.state().connected and not self.subscriptions.maybe_subscribed and not self.subscriptions.waiting
