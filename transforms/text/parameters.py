"""Which parameters of a query say where a reader came from, and not what is read."""

import re
from functools import lru_cache
from typing import Final

TRACKING_PREFIXES: Final = ("utm_", "mtm_", "pk_", "piwik_", "matomo_", "hsa_", "itm_", "at_custom")
"""Urchin and Google Analytics, Matomo, HubSpot ads, AT Internet: names that begin so carry only campaign data."""

TRACKING_PARAMETERS: Final = frozenset(
    """
    fbclid fb_action_ids fb_action_types fb_source fb_ref fb_comment_id mibextid gclid gclsrc dclid gbraid wbraid
    gad_source gad_campaignid msclkid yclid ysclid twclid ttclid li_fat_id igshid igsh epik rb_clickid s_kwcid srsltid
    irclickid irgwc tblci dicbo ob_click_id mc_cid mc_eid mkt_tok _hsenc _hsmi __hssc __hstc __hsfp hsctatracking
    oly_anon_id oly_enc_id vero_id vero_conv wickedid elqtrackid elqtrack elqaid elqat elqcampaignid _kx dm_i
    _branch_match_id _bta_tid _bta_c trk_contact trk_msg trk_module trk_sid nr_email_referer _openstat xtor at_medium
    at_campaign at_link_id at_link_type at_link_origin at_ptr_name at_format at_bbc_team at_campaign_type ns_mchannel
    ns_source ns_campaign ns_linkname ns_fee ga_source ga_medium ga_term ga_content ga_campaign ga_place wt_mc wt.mc_id
    guccounter guce_referrer guce_referrer_sig __twitter_impression ref_src ref_url wprov _ga _gl ml_subscriber
    ml_subscriber_hash
    """.split()
)
"""Click and campaign identifiers, compared in lower case, as the analytics, mailing and social services name them whose
links publishers use (Google, Meta, Microsoft, Mailchimp, HubSpot, AT Internet, comScore, Yahoo, …). A name that may
also say which story it is (`id`, `cid`, `source`, `ref`) is not in it."""

SESSION_PREFIXES: Final = ("aspsessionid",)
"""Of classic ASP, which adds letters of its own."""

SESSION_PARAMETERS: Final = frozenset(
    "jsessionid phpsessid phpsessionid sessionid session_id sessid cfid cftoken oscsid zenid".split()
)
"""Names of sessions, compared in lower case. `sid` is not in it: it may be the number of a story."""

MIN_SESSION_CHARS: Final = 16
"""A shorter value may be the number of an event; ids of sessions have 24 characters and more."""

AMP_PARAMETERS: Final = frozenset(("amp", "amp=", "amp=1", "amp=true", "outputType=amp"))
"""Parameters, as they are written, that ask for the AMP form of the same page."""

_ESCAPED_START: Final = re.compile(r"(?:^|&)(?:amp;)+")
"""Of a query whose `&amp;` was meant as `&`, be it the first."""


def kept_parameters(query: str) -> str:
    """The parameters that may say what is read, by name; those of one name stay in their order."""
    if "amp;" in query:
        query = _ESCAPED_START.sub("&", query)
    kept = [
        parameter
        for parameter in query.split("&")
        if parameter and not _is_dropped(*parameter.partition("=")[::2]) and parameter not in AMP_PARAMETERS
    ]
    if len(kept) > 1:
        kept.sort(key=_name)
    return "&".join(kept)


def _is_dropped(name: str, value: str) -> bool:
    return _is_tracking(name) or (len(value) >= MIN_SESSION_CHARS and _is_session(name))


@lru_cache(maxsize=1_024)  # The same few names in nearly every URL.
def _is_tracking(name: str) -> bool:
    name = name.lower()
    return name in TRACKING_PARAMETERS or name.startswith(TRACKING_PREFIXES)


@lru_cache(maxsize=1_024)
def _is_session(name: str) -> bool:
    name = name.lower()
    return name in SESSION_PARAMETERS or name.startswith(SESSION_PREFIXES)


def _name(parameter: str) -> str:
    return parameter.partition("=")[0]
