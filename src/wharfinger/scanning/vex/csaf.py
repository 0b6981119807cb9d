"""CSAF 2.0 of the profile VEX. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from wharfinger.errors import RequestInvalid
from wharfinger.scanning.vex.fields import Fields, items, mapping, named, objects, text
from wharfinger.scanning.vex.statements import Named, Product, Statement, Status

DEPTH_AT_MOST = 30
_STATUSES: Mapping[str, Status] = {
    "known_not_affected": "not_affected",
    "fixed": "fixed",
    "first_fixed": "fixed",
    "known_affected": "affected",
    "first_affected": "affected",
    "last_affected": "affected",
    "under_investigation": "under_investigation",
}


@dataclass(slots=True)
class _Tree:
    """The products of a document: each identifier with what it names, and which are parts of which."""

    named: dict[str, Named] = field(default_factory=dict)
    parts: dict[str, tuple[str, str]] = field(default_factory=dict)

    def product(self, identifier: str) -> Product:
        """What an identifier stands for: a product, or a part of one."""
        if identifier not in self.parts:
            return Product(self.named.get(identifier, Named(identifier)))
        part, whole = self.parts[identifier]
        own = self.named.get(identifier)
        inner = own if own is not None and own.purl is not None else self._deepest(part)
        return Product(self._deepest(whole), (inner,))

    def _deepest(self, identifier: str) -> Named:
        for _ in range(DEPTH_AT_MOST):
            if identifier not in self.parts:
                break
            identifier = self.parts[identifier][0]
        return self.named.get(identifier, Named(identifier))


def parse(document: Fields, name: str) -> Iterator[Statement]:
    """The statements of a document; ``name`` is its file's. Raises RequestInvalid."""
    tree = _tree(mapping(document.get("product_tree"), "product_tree"))
    tracking = mapping(mapping(document.get("document"), "document").get("tracking"), "document.tracking")
    moment = text(tracking.get("current_release_date"), "document.tracking.current_release_date")
    for where, fields in objects(document.get("vulnerabilities"), "vulnerabilities"):
        yield from _statements(fields, where, tree, name, moment)


def _statements(fields: Fields, where: str, tree: _Tree, name: str, moment: str) -> Iterator[Statement]:
    ids = [text(fields.get("cve"), f"{where}.cve")]
    ids += [text(each.get("text"), place) for place, each in objects(fields.get("ids"), f"{where}.ids")]
    vulnerabilities = tuple(each for each in ids if each)
    if not vulnerabilities:
        raise RequestInvalid(f"{where}: it names no vulnerability")
    whys = _whys(fields, where)
    said = mapping(fields.get("product_status"), f"{where}.product_status")
    for key, status in _STATUSES.items():
        for place, identifier in items(said.get(key), f"{where}.product_status.{key}"):
            product = text(identifier, place)
            yield Statement(
                vulnerabilities, (tree.product(product),), status, whys.get(product, ""), f"{name}: {place}", moment
            )


def _whys(fields: Fields, where: str) -> dict[str, str]:
    """The flag and the impact that are told of each product."""
    found: dict[str, list[str]] = {}
    for key, said in (("flags", "label"), ("threats", "details")):
        for place, each in objects(fields.get(key), f"{where}.{key}"):
            if key == "flags" or each.get("category") == "impact":
                words = text(each.get(said), f"{place}.{said}")
                for inner, identifier in items(each.get("product_ids"), f"{place}.product_ids"):
                    found.setdefault(text(identifier, inner), []).append(
                        words.replace("_", " ") if key == "flags" else words
                    )
    return {product: "; ".join(filter(None, words)) for product, words in found.items()}


def _tree(fields: Fields) -> _Tree:
    tree = _Tree()
    _branches(fields.get("branches"), "product_tree.branches", tree, 0)
    for where, product in objects(fields.get("full_product_names"), "product_tree.full_product_names"):
        _product(product, where, tree)
    for where, relation in objects(fields.get("relationships"), "product_tree.relationships"):
        own = mapping(relation.get("full_product_name"), f"{where}.full_product_name")
        identifier = _product(own, f"{where}.full_product_name", tree)
        tree.parts[identifier] = (
            text(relation.get("product_reference"), f"{where}.product_reference"),
            text(relation.get("relates_to_product_reference"), f"{where}.relates_to_product_reference"),
        )
    return tree


def _branches(value: object, where: str, tree: _Tree, depth: int) -> None:
    if depth > DEPTH_AT_MOST:
        raise RequestInvalid(f"{where}: branches more than {DEPTH_AT_MOST} deep")
    for place, branch in objects(value, where):
        if "product" in branch:
            _product(mapping(branch["product"], f"{place}.product"), f"{place}.product", tree)
        _branches(branch.get("branches"), f"{place}.branches", tree, depth + 1)


def _product(fields: Fields, where: str, tree: _Tree) -> str:
    identifier = text(fields.get("product_id"), f"{where}.product_id")
    helper = mapping(fields.get("product_identification_helper"), f"{where}.product_identification_helper")
    purl = text(helper.get("purl"), f"{where}.product_identification_helper.purl")
    cpe = text(helper.get("cpe"), f"{where}.product_identification_helper.cpe")
    name = cpe or text(fields.get("name"), f"{where}.name") or identifier
    tree.named[identifier] = named(purl) if purl else Named(name)
    return identifier
