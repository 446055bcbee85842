"""Quality of service from parameters, and a subscription that tells when it does not match."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock, ClockType
from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_policy_name_from_kind,
)


def profile(reliability: str, depth: int) -> QoSProfile:
    """Keep-last, volatile QoS of a reliability (`best_effort` or `reliable`) and queue depth."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy[reliability.upper()],
        durability=DurabilityPolicy.VOLATILE,
    )


def latched(depth: int = 1) -> QoSProfile:
    """QoS of what is said once and holds for late subscribers too, such as /tf_static."""
    return QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def input_profile(parameters) -> QoSProfile:
    """QoS of inputs from `qos_input_reliability` and `qos_input_depth`."""
    return profile(parameters.qos_input_reliability, parameters.qos_input_depth)


def output_profile(parameters) -> QoSProfile:
    """QoS of outputs from `qos_output_reliability` and `qos_output_depth`."""
    return profile(parameters.qos_output_reliability, parameters.qos_output_depth)


def subscription_events(on_mismatch: Callable[[str], None]) -> SubscriptionEventCallbacks:
    """Events of a subscription; `on_mismatch` gets the name of the policy that does not match."""
    return SubscriptionEventCallbacks(incompatible_qos=_tell(on_mismatch))


def publisher_events(on_mismatch: Callable[[str], None]) -> PublisherEventCallbacks:
    """Events of a publisher; `on_mismatch` gets the name of the policy that does not match."""
    return PublisherEventCallbacks(incompatible_qos=_tell(on_mismatch))


def _tell(on_mismatch):
    def callback(event):
        on_mismatch(qos_policy_name_from_kind(event.last_policy_kind).removesuffix("_QOS_POLICY").lower())

    return callback


def steady_clock() -> Clock:
    """Clock of timers that must tick on while /clock stands still."""
    return Clock(clock_type=ClockType.STEADY_TIME)
