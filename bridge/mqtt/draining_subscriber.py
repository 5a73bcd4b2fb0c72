"""Subscriber that gives up its session: it receives the messages stored at the broker and subscribes to nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from bridge.mqtt.subscriber import Subscriber

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bridge.mqtt.session_settings import SessionSettings


class DrainingSubscriber(Subscriber):
    """Subscriber of a draining worker. It connects only after `leave`.

    The other workers must be subscribed first, otherwise messages are lost to the group.
    """

    def __init__(
        self,
        settings: SessionSettings,
        *,
        held: Iterable[str] = (),
        on_session: Callable[[bool], None] = lambda _present: None,
    ) -> None:
        super().__init__(settings, held=held, on_session=on_session)
        # `poll` never connects before this clock time.
        self._dial_at = math.inf

    def set_filters(self, filters: Mapping[str, int]) -> None:
        """Assume that the old session is subscribed to all mapping topics, even if the spool does not know."""
        prefix = f"$share/{self.subscriptions.share}/" if self.subscriptions.share else ""
        self.subscriptions.maybe_subscribed.update(prefix + text for text in filters)

    def leave(self) -> None:
        """Unsubscribe from everything, as soon as `poll` runs. Any thread."""
        self._dial_at = min(self._dial_at, 0.0)
        super().set_filters({})

    @property
    def left(self) -> bool:
        """True once the broker has confirmed that the session has no subscription."""
        return self.state().connected and not self.subscriptions.maybe_subscribed and not self.subscriptions.waiting
