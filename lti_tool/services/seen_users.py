"""Who a reading listed, in little memory: a hundred thousand learners of one school take some ten kilobytes."""

from collections.abc import Iterable


class SeenUsers:
    """A set of user ids that only grows: a bit each, in blocks of 256 neighbouring ids."""

    def __init__(self, user_ids: Iterable[int] = ()) -> None:
        self._blocks: dict[int, int] = {}
        for user_id in user_ids:
            self.add(user_id)

    def add(self, user_id: int) -> None:
        """Take note of somebody."""
        block = user_id >> 8
        self._blocks[block] = self._blocks.get(block, 0) | 1 << (user_id & 255)

    def __contains__(self, user_id: int) -> bool:
        return bool(self._blocks.get(user_id >> 8, 0) >> (user_id & 255) & 1)

    def __len__(self) -> int:
        return sum(block.bit_count() for block in self._blocks.values())
