"""Lines that web pages put around an article: recognized one by one, each as a whole, by how it begins.

A rule is two things: how such a line opens, and the pattern that the whole of it must match. A line that opens
otherwise costs a look into a table.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

from transforms.text.keys import fold

MAX_LINE_CHARS: Final = 240
"""A longer line is a paragraph. Of the texts that the patterns were made with, the longest such line has 171."""

_OPENING: Final = 3
_ENDING: Final = 4
"""So many characters decide whether a pattern is asked."""

_FRAME: Final = " *•·»\u203a>→►▶▸–—-_#|…:()[]{}"
"""What stands around such a line and does not matter. Quotes do: they stand around speech."""

# Pieces of patterns. Case is ignored but where they say otherwise.
_POINT: Final = r"(?: ?[:|»\u203a>→…]+ ?.+)"
"""A sign and what it points to."""
_LINK: Final = rf"(?:{_POINT}| [–—-] .+)?"
"""Nothing, or a sign (a dash is one) and what it points to."""
_MORE: Final = r"(?: [^,;.?!]{1,120})?[.!]?"
"""Nothing, or the rest of one short sentence without a comma, as those who give a prompt write it."""
# Names are told by their capitals. No word of these matches in two ways and no repetition gives back what it took, as a
# hostile line would be tried for minutes.
_CAPITAL: Final = r"[A-ZÀ-ÞĀ-Ž@][\w.'’@-]*"
_SMALL: Final = r"(?:and|of|the|for|via|by|from|in|und|et|y|e|de|du|des|di|da|von|van)\b"
_NAMES: Final = rf"(?-i:(?:{_CAPITAL}|{_SMALL})(?:[ /,;&|+()]+(?:{_CAPITAL}|{_SMALL})){{0,14}}+)\.?"
_WORKERS: Final = (
    rf"(?-i:{_CAPITAL}(?:[ /,;&|]+(?:{_CAPITAL}|{_SMALL}|(?:additional|reporting|writing|editing)\b)){{0,30}}+)\.?"
)
_NETWORK: Final = (
    r"(?:facebook|twitter|x|instagram|linkedin|whatsapp|telegram|reddit|pinterest|bluesky|threads|mastodon|tiktok"
    r"|youtube|tumblr|flipboard|snapchat|messenger|rss|google news|google\+|e-?mail|print|copy link|link|share|save|sms"
    r"|social media)"
)
_NETWORKS: Final = rf"(?:our )?{_NETWORK}(?:[ ,/|•·&]+(?:(?:and|or|und|et|y|e|on) )*{_NETWORK})*"
_MONTH: Final = (
    r"(?:jan(?:uary|uar|vier|uari)?|feb(?:ruary|ruar)?|march|mar|april|apr|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|märz|mai|juni|juli|okt(?:ober)?|dez(?:ember)?|février|mars|avril|juin"
    r"|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre"
    r"|octubre|noviembre|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre|janeiro"
    r"|fevereiro|março|maio|junho|julho|setembro|outubro|novembro|dezembro)\.?"
)
_CLOCK: Final = (
    r"(?:[ ,|/–-]*(?:at |um |à |a las |alle |às )?\d{1,2}[:.h]\d\d(?: ?[ap]\.?m\.?)?(?: uhr)?(?: [a-z]{2,4})?)?"
)
_DATE: Final = (
    rf"(?:(?:on|am|le|el|il|em) )?(?:[a-zà-ÿ-]{{3,14}},? )?(?:{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}}"
    rf"|\d{{1,2}}(?:\.|er|\u00ba|°)? (?:de )?{_MONTH},? (?:de )?\d{{4}}|\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}"
    rf"|\d{{4}}-\d\d-\d\d){_CLOCK}"
)
_TIME: Final = rf"(?: ?:)?(?:{_CLOCK},)? ?(?:{_DATE}|\d+ [a-z]+ ago)"

_RULES: Final = (
    # How long it takes to read, how old it is, what was done with it.
    (
        "0|1|2|3|4|5|6|7|8|9",
        r"\d+[ -]?(?:minutes?|mins?\.?)(?:,? \d+ (?:seconds?|secs?))?[ -](?:read|reading|reading time|de lecture"
        r"|de lectura)|\d+ ?(?:seconds?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?) ago"
        r"|\d+ (?:comments?|shares?|likes?|views?|kommentare?|commentaires?|comentarios?|commenti|comentários?)",
    ),
    (
        "reading|estimated|est. |average|lesezeit|lesedauer|temps|tiempo|tempo|min",
        r"(?:(?:est\. |estimated |average )?read(?:ing)? time|lesezeit|lesedauer|temps de lecture"
        r"|tiempo (?:estimado )?de lectura"
        r"|tempo (?:stimato )?di lettura|tempo de leitura)(?: ?:)? ?(?:ca\. |circa |about )?[\d<]+ ?[a-z]*\.?|min read",
    ),
    # More to read.
    (
        "read",
        rf"read (?:more|also|next|on|too|this|here|this next|full (?:story|article)){_LINK}|read in full|read all"
        rf"|read (?:more|the rest) (?:about|on|from|at|of) (?:this|the|our|it|here){_MORE}"
        r"|read (?:the|our|his|her|their) (?:full|whole|original|complete|entire) (?:story|article|post|report|piece"
        rf"|review|interview|text|statement)(?: (?:here|at|on|in|from|by){_MORE})?\.?",
    ),
    ("continue|keep", rf"(?:continue|keep) reading(?: [^.?!]{{1,150}})?[.]?{_LINK}"),
    (
        "similar|related",
        r"(?:similar|related) (?:posts|stories|articles|news|reads|content|topics|coverage|reading|links)",
    ),
    (
        "related",
        r"related(?: ?: ?(?-i:[A-Z0-9\"'“‘]).+| ?[|»>→…]+ ?.+)?|related (?:posts|story|stories|articles?|news"
        r"|videos?): .+",
    ),
    ("see", rf"see (?:also|more|all){_LINK}"),
    ("also", rf"also (?:read|see|watch){_LINK}"),
    (
        "you",
        r"you (?:may|might|could) (?:also )?(?:like|enjoy|be interested in|want to read|have missed)(?: these| this)?"
        rf"{_LINK}",
    ),
    ("recommended", rf"recommended(?: (?:for you|stories|articles|reading|videos|posts|topics|by \w+))?{_LINK}"),
    (
        "trending|popular|most|latest|top",
        r"trending(?: (?:now|stories|topics|news|articles|videos))?|popular (?:now|posts|stories|articles|news)"
        r"|most (?:read|popular|viewed|shared|recent)(?: (?:stories|articles|news|posts|now))?"
        r"|(?:latest|top) (?:news|stories|posts|articles|headlines|videos|updates)(?: today| this week| now)?",
    ),
    (
        "more",
        r"more (?:stories|news|articles|posts|headlines|coverage|to read|like this|top stories|information)"
        r"(?: like this| (?:from|by|on) [^,;.?!]{1,40})?"
        r"|more (?:from|on|about|in) (?:this|the|our) (?:story|topic|author|series|section|site|web|subject"
        r"|category)|more from us|more|more from (?-i:[A-Z])[\w ]{1,30}"
        rf"|more(?: on this| here)?{_POINT}",
    ),
    (
        "don't|don’t",
        rf"don['’]t (?:miss|miss (?:out|our|this|these|a story)|forget to (?:subscribe|follow|share)){_MORE}",
    ),
    ("what|in case|up next", rf"what to read next|in case you missed it{_LINK}|up next{_LINK}"),
    (
        "must|must-read|editor|suggested",
        rf"must[ -]reads?{_LINK}|editor['’]?s['’]? (?:picks?|choice)|suggested for you",
    ),
    ("next|previous", rf"(?:next|previous) (?:article|story|post|page|up){_LINK}"),
    (
        "watch|listen",
        r"listen now|listen to this (?:article|story)"
        r"|watch(?: live| now| also| more| this| video)? ?[:|»\u203a>→] ?.+|watch (?:live|now|also)"
        r"|(?:watch|listen to) (?:the )?(?:full )?(?:video|clip|interview|trailer|podcast|episode)"
        r"(?: (?:above|below|here|now))?\.?",
    ),
    # Things to press.
    (
        "click|tap",
        rf"(?:click|tap) here(?: (?:to|for){_MORE})?\.?"
        rf"|(?:click|tap) to (?:share|e-?mail|print|tweet|expand|enlarge|view|read|copy|watch|play|subscribe"
        rf"|join){_MORE}",
    ),
    (
        "back|skip|jump|scroll",
        r"back to (?:top|home)|(?:skip|jump) to (?:main )?content|scroll (?:down )?(?:to|for) \w+( \w+)?",
    ),
    (
        "loading|print|email|e-mail|copy|tweet",
        r"loading\.*|tweet|tweet this|copy link|(?:print|e-?mail) this(?: (?:article|story|page|post|to a friend))?",
    ),
    ("like", rf"like this|like loading\.*|like us on {_NETWORKS}{_MORE}"),
    (
        "facebook|twitter|linkedin|whatsapp|telegram|reddit|pinterest|e-mail|email|print|instagram|share|copy",
        rf"{_NETWORK}(?:[ ,/|•·]+{_NETWORK})+",
    ),
    (
        "share",
        r"share(?:[ ,/|:()]+(?:this|the|article|story|post|page|news|it|link|on|via|with|your|friends|family|by"
        rf"|to|or|and|full|screen|options|now|social|media|networks?|{_NETWORK}))*[.!]?",
    ),
    # Invitations.
    (
        "follow|find|join|like|connect",
        rf"follow us[.!]?|(?:follow|find|join|connect with) (?:us|me|@\w+"
        rf"|(?:[^,;.?!]{{1,60}})) on {_NETWORKS}{_MORE}|like (?:(?:us|me|@\w+) on {_NETWORKS}{_MORE}"
        rf"|{_NAMES} on {_NETWORKS}[.!]?)|follow (?:us )?@\w+{_MORE}"
        r"|join (?:our|the) (?:conversation|discussion|newsletter|mailing list|community|(?:whatsapp|telegram) \w+)"
        rf"(?: (?:on|for|in|at|to|today|now|below){_MORE})?[.!]?",
    ),
    (
        "sign|log",
        rf"sign up(?: (?:here|now|today|below))?[.!]?|sign up (?:here |now |today )?(?:for|to) (?:our|the|get"
        rf"|receive|daily|free|weekly|your|news|e-?mail|newsletters?){_MORE}"
        rf"|(?:sign|log) in(?: (?:to|or|with){_MORE})?",
    ),
    (
        "subscribe",
        r"subscribe(?: (?:now|here|today|free|via e-?mail))?[.!]?"
        rf"|subscribe (?:now |here |today )?(?:to|for) (?:our|the|continue|get|unlimited|full|free|more|daily|receive"
        rf"|newsletters?){_MORE}",
    ),
    (
        "get|download|enter|your",
        rf"(?:get|download) our (?:free |new |mobile |news )*app{_MORE}"
        r"|get (?:the|our|all the|more|breaking|today['’]s|daily|latest|top|e-?mail|news|[\w ]{3,30} news) "
        r"[^,;.?!]{0,100}(?:newsletters?|inbox|e-?mail|alerts|notifications)(?: [^,;.?!]{1,40})?[.!]?"
        rf"|(?:enter )?your e-?mail(?: address)?{_MORE}",
    ),
    ("newsletter|newsletters", r"newsletters?(?: (?:sign-?up|subscription|abonnieren|abonnement))?"),
    (
        "thank|you have",
        rf"thank(?:s| you) for (?:reading|signing up|subscribing){_MORE}|you have (?:successfully )?subscribed{_MORE}",
    ),
    ("what do you", r"what do you think\? (?:let us know|tell us|leave|share)[^?]{1,80}"),
    (
        "privacy|cookie|terms",
        r"(?:privacy|cookie) (?:policy|notice|settings)|terms (?:of (?:use|service)|and conditions)",
    ),
    ("support us|donate", r"support us|donate(?: now| today| here)?"),
    (
        "have|let",
        rf"have (?:an opinion|your say)(?: on this (?:story|article))?[?.!]?(?: share it[.!]?)?"
        rf"|let us know(?: (?:what|your|if|in){_MORE})",
    ),
    (
        "support|already|become",
        rf"support (?:our|independent|quality|local) (?:journalism|reporting|newsroom|work){_MORE}",
    ),
    (
        "already|become|create",
        rf"already (?:a )?(?:subscriber|member|subscribed|registered)\??(?: .{{1,40}})?|become a (?:member"
        rf"|subscriber){_MORE}",
    ),
    (
        "for|contact|visit",
        r"for more (?:information|news|stories|details|updates|on this),? (?:please )?(?:visit|go to|see|click"
        r"|contact|follow) .{1,140}|contact (?:us|the (?:author|reporter|writer|newsroom|editors?))(?: (?:at|on|via"
        r"|by) [^,;?!]{1,80})?\.?|visit our (?:website|site|homepage)[^,;?!]{0,80}",
    ),
    # Who paid, who owns, who made.
    (
        "advertisement|advertisements|advert|ads|ad|sponsored|promoted|paid",
        r"(?:(?:paid )?advertisements?|advert|ads?)(?: [–—:|-] .+)?|advertisement\. scroll .+|(?:sponsored|promoted"
        r"|paid)(?: (?:content|post|links?|stories))?",
    ),
    (
        "story|article|this|scroll",
        r"(?:(?:this )?(?:story|article) )?continues? (?:reading )?(?:below|after)(?: (?:this|the))?"
        r"(?: (?:ad|advert|advertisement|video))?|(?:story|article) continues",
    ),
    (
        "image|photo|picture|video|graphic|illustration|foto|bild|immagine|imagem|imágenes|vídeo|vidéo|grafik"
        "|quelle|fuente|fonte|source|credit|crédit",
        r"(?:images?|photo(?:graph)?s?|pictures?|pics?|videos?|graphics?|illustrations?|fotos?|bild(?:er)?|immagine"
        r"|imagem"
        r"|imagen|imágenes|vídeos?|vidéos?|grafik|quellen?|fuentes?|fonte|sources?|credits?|crédits?|créditos?|credito)"
        r"(?: (?:credits?|by|source|courtesy(?: of)?|photos?|da|de|di|archivio|d['’]archives?))? ?[:©] ?.{1,100}"
        rf"|(?:image|photo(?:graph)?|picture|video|illustration)s? (?:credits? )?(?:by|courtesy(?: of)?) {_NAMES}",
    ),
    (
        "file|getty|our standards",
        r"file (?:photo(?:graph)?|picture|image)s?(?: ?[:/|] ?.{1,80})?|getty images(?:/.+)?|our standards: the .+",
    ),
    (
        "courtesy|reuters|afp|ap/|ap photo|epa",
        rf"courtesy(?: of)? {_NAMES}|(?:reuters|afp|ap|epa)/{_NAMES}|ap photo/?{_NAMES}|reuters/{_NAMES}",
    ),
    (
        "reporting|additional|writing|editing|compiled|edited|written|with",
        rf"(?:(?:additional )?reporting|writing|editing|compiled|edited|written) by {_WORKERS}"
        rf"|with {_NAMES} inputs|with (?:inputs?|files|additional reporting|reporting) (?:from|by) {_NAMES}",
    ),
    (
        "©|copyright|c) ",
        # The law of that name is news.
        r"©.+|c\) ?(?:19|20)\d\d.*|copyright(?: ©|\s?\(c\)| by)? ?"
        r"(?! ?(?:act|laws?|claims?|cases?|rules?|protection|office|terms?|infringements?"
        r"|in|was|is|has|had|on|for|of|from)\b)"
        r"(?:.{0,40}(?:19|20)\d\d|©).*",
    ),
    ("all", r"all rights reserved\b.*"),
    (
        "this|originally|first",
        r"this material may not be (?:published|broadcast|rewritten|re-?distributed|distributed|reproduced"
        r"|copied|transmitted|re-?used|used|stored|sold)\b.*"
        r"|this (?:story|article|report) (?:has not been edited by|is (?:published"
        r"|auto-generated) from a) .+"
        rf"|this report by {_NAMES} was first published {_DATE}\.?"
        r"|(?:this (?:article|story|post|piece|content|report) (?:was |is |has been )?)?"
        rf"(?:originally|first) (?:published|appeared|posted) (?:on|in|by|at) (?:{_NAMES}|[\w.-]+\.[a-z]{{2,6}})",
    ),
    (
        "the post",
        # The title and the site begin as names do; a post of which the news tells is "the post by …".
        r"the post (?!office\b)(?-i:[^\sa-z]|[a-z][A-Z]).{0,200} (?:appeared first|first appeared"
        r"|was first published) on (?:(?-i:[^\sa-z]).{0,99}|[\w.-]+\.[a-z]{2,6})",
    ),
    (
        "published|updated|last|posted|modified|first",
        rf"(?:first |last |originally )?(?:published|updated|posted|modified){_TIME}(?: [|•·–-] .{{1,60}})?",
    ),
    (
        "tags|tag|topics|filed|categories|category|keywords|posted|labels|tagged",
        r"(?:tags?|topics|filed (?:under|in)|categories|category|keywords|posted (?:in|under)|labels|tagged(?: with"
        r"| in)?) ?[:|] ?.{1,200}|tags|(?:filed under|posted in) (?-i:[A-Z])[\w&, ]{2,40}",
    ),
    (
        "comments|leave|post|view|add|no|show",
        r"(?:(?:leave a|post a|add a|view|show|no) )?comments?(?: \(?\d+\)?| are closed| off)?\.?|leave a reply",
    ),
    # German.
    (
        "lesen|mehr|weiterlesen|weitere|auch|das|ähnliche|siehe|zum",
        rf"lesen sie (?:hier |dazu )?(?:auch|mehr|hier|weiter|dazu)(?: (?:hier|dazu))?{_LINK}|mehr (?:zum thema"
        rf"|dazu|lesen|erfahren){_LINK}"
        rf"|weiterlesen{_LINK}|weitere (?:artikel|meldungen|nachrichten|beiträge|themen){_LINK}|auch interessant{_LINK}"
        r"|das könnte (?:sie|dich|ihnen|dir) auch (?:interessieren|gefallen)"
        rf"|ähnliche (?:artikel|beiträge|themen)|siehe auch{_LINK}|zum thema{_LINK}",
    ),
    (
        "teilen|artikel|auf|folgen|folge|jetzt|abonnieren|drucken|nach",
        rf"teilen|artikel (?:teilen|drucken|merken)|drucken|auf {_NETWORKS} teilen"
        rf"|folgen? (?:sie )?uns (?:auch )?(?:auf|bei) {_NETWORKS}{_MORE}|jetzt (?:den "
        rf"|unseren )?(?:newsletter )?abonnieren|abonnieren|abonnieren sie (?:unseren|den|hier|jetzt){_MORE}|nach oben",
    ),
    (
        "anzeige|werbung|kommentare|kommentar|schreiben",
        r"anzeige|werbung|kommentare|kommentar schreiben|schreiben sie einen kommentar",
    ),
    (
        "alle|tous|todos|tutti",
        r"(?:alle rechte vorbehalten|tous droits réservés|todos (?:los derechos|os direitos) reservados"
        r"|tutti i diritti (?:sono )?riservati)\b.*",
    ),
    ("der beitrag", r"der beitrag .{1,200} erschien zuerst auf .{1,100}"),
    (
        "zuletzt|stand|veröffentlicht|aktualisiert",
        rf"(?:stand|(?:zuletzt )?aktualisiert|veröffentlicht)(?: am| ?:)+ {_DATE}",
    ),
    ("schlagworte|schlagwörter|themen", r"(?:schlagworte|schlagwörter|themen) ?: ?.{1,200}"),
    # French.
    (
        "lire|à lire|à voir|voir|en savoir|sur|articles|vous",
        rf"(?:à )?lire (?:aussi|la suite|plus|également)(?: (?:de l['’]article|sur le sujet))?{_LINK}"
        rf"|(?:à )?voir aussi{_LINK}|en savoir plus{_LINK}|sur le même (?:sujet|thème){_LINK}"
        r"|articles (?:similaires|liés|associés|connexes|recommandés)|vous aimerez aussi|vous pourriez aussi aimer",
    ),
    (
        "partager|partagez|suivez|suivez-nous|abonnez-vous|inscrivez-vous|s'abonner|s’abonner|recevez|imprimer",
        rf"partager|imprimer|partage[rz] (?:cet article|sur {_NETWORKS}|cet article sur {_NETWORKS})"
        rf"|suivez[- ]nous(?: (?:aussi )?sur {_NETWORKS}{_MORE})?[.!]?|abonnez-vous(?: (?:à|pour){_MORE})?[.!]?"
        rf"|inscrivez-vous (?:à|pour){_MORE}|s['’]abonner|recevez (?:notre|nos|la"
        rf"|les)[^,;.?!]{{1,60}}(?:newsletters?|lettre|actualités)",
    ),
    ("publicité|commentaires|laisser", r"publicité|commentaires|laisser un commentaire"),
    ("l'a|l’a|cet", r"l['’]article .{1,200} est apparu en premier sur .{1,100}"),
    ("publié|mis", rf"(?:publiée?|mise? à jour) {_DATE}"),
    ("mots-clés|étiquettes", r"(?:mots-clés|étiquettes) ?: ?.{1,200}"),
    # Spanish.
    (
        "lee|lea|seguir|ver|te puede|le puede|noticias|artículos|más",
        rf"le[ea] (?:también|más|además){_POINT}?|leer (?:más|también){_LINK}|seguir leyendo{_LINK}"
        rf"|ver (?:también|más){_LINK}|(?:te|le) puede interesar{_LINK}|(?:noticias|artículos) relacionad[oa]s"
        rf"|más (?:información|noticias|sobre este tema){_LINK}",
    ),
    (
        "compartir|comparte|síguenos|siga|suscríbete|suscríbase",
        rf"compartir|compart(?:ir|e)(?: (?:esto|este artículo|esta noticia))?(?: (?:en|vía|por) {_NETWORKS})?"
        rf"|síguenos(?: (?:también )?en {_NETWORKS}{_MORE})?[.!]?|suscríb(?:ete|ase)(?: (?:a|para|aquí){_MORE})?[.!]?",
    ),
    ("publicidad|comentarios|deja|etiquetas", r"publicidad|comentarios|deja un comentario|etiquetas ?: ?.{1,200}"),
    ("la entrada", r"la entrada .{1,200} (?:se publicó primero en|aparece primero en) .{1,100}"),
    ("publicado|actualizado|última", rf"(?:publicado|actualizado|última actualización)(?: ?:)? {_DATE}"),
    # Italian.
    (
        "leggi|continua|vedi|articoli|potrebbe|ti potrebbe",
        rf"leggi (?:anche|tutto|di più|l['’]articolo completo){_POINT}?|continua a leggere{_LINK}|vedi anche{_LINK}"
        rf"|articoli correlati|(?:ti )?potrebbe(?:ro)? interessar(?:ti|vi|e)(?: anche)?{_LINK}",
    ),
    (
        "condividi|seguici|iscriviti|abbonati",
        rf"condividi|condividi(?: questo articolo)?(?: (?:su|via) {_NETWORKS})?"
        rf"|seguici(?: (?:anche )?su {_NETWORKS}{_MORE})?[.!]?|(?:iscriviti|abbonati)(?: (?:alla|al|ora){_MORE})?[.!]?",
    ),
    (
        "pubblicità|commenti|lascia|riproduzione|continua",
        r"pubblicità|commenti|lascia un commento|riproduzione (?:è )?riservata(?: ©.*)?|continua após a publicidade",
    ),
    ("l'articolo|l’articolo", r"l['’]articolo .{1,200} (?:proviene da|sembra essere il primo su) (?-i:[A-Z]).{0,60}"),
    ("pubblicato|aggiornato|ultimo", rf"(?:pubblicato|aggiornato|ultimo aggiornamento)(?: ?:)? {_DATE}"),
    # Portuguese.
    (
        "leia|saiba|veja|continue|notícias|você",
        rf"leia (?:também|mais|ainda){_POINT}?|saiba mais{_LINK}|veja (?:também|mais){_LINK}"
        rf"|continue (?:lendo|a ler){_LINK}|notícias relacionadas|você (?:também )?pode (?:gostar"
        rf"|se interessar){_LINK}",
    ),
    (
        "compartilhe|compartilhar|partilhar|siga|siga-nos|inscreva-se|assine",
        rf"(?:comp|p)arti(?:lhe|lhar)(?: (?:este artigo|esta notícia|isso))?(?: (?:no|na|via|por) {_NETWORKS})?"
        rf"|siga(?:-nos| a gente| [oa]s? [^,;.?!]{{1,40}})?(?: (?:no|na|em) {_NETWORKS}{_MORE})[.!]?"
        rf"|inscreva-se(?: (?:na|no|em|para){_MORE})?[.!]?"
        r"|assine(?: (?:já|agora|a nossa newsletter|nossa newsletter))?[.!]?",
    ),
    ("publicidade|comentários|deixe", r"publicidade|comentários|deixe (?:um|o seu|seu) comentário"),
    ("o post|o artigo", r"o (?:post|artigo) .{1,200} apareceu primeiro em .{1,100}"),
    ("atualizado|última", rf"(?:publicado|atualizado|última atualização)(?: ?:)? {_DATE}"),
)
"""How lines open, of which `_OPENING` characters count, and what the whole line is."""

_CLOSING_RULES: Final = (
    ("reserved", r"(?:.{1,60}[ ,.–-])?all rights reserved"),
    (
        "images|afp|reuters|alamy|shutterstock",
        r"(?-i:[A-ZÀ-Þ])[^.?!;:]{0,60}(?:/|,? via | \| )(?:getty images|afp|reuters|alamy|shutterstock)",
    ),
    (
        "report|story|article",
        rf"{_NAMES}(?: (?:staff )?(?:writers?|reporters?|correspondents?"
        rf"|journalists?) {_NAMES})? (?:also )?contributed(?: reporting)? to this (?:report|story|article)",
    ),
)
"""The same for the few whose end gives them away: a name may open them."""


def _by_key(rules: Iterable[tuple[str, str]], cut: slice) -> dict[str, str]:
    """One pattern for each key, which is an opening (or ending) cut."""
    patterns: dict[str, dict[str, None]] = {}
    for openings, pattern in rules:
        for word in openings.split("|"):
            patterns.setdefault(word[cut], {})[pattern] = None
    return {key: "|".join(several) for key, several in patterns.items()}


@cache  # When it is first asked for: to compile all of them takes a fifth of a second.
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_OPENED: Final = _by_key(_RULES, slice(_OPENING))
_CLOSED: Final = _by_key(_CLOSING_RULES, slice(-_ENDING, None))
_DATE_LINE: Final = re.compile(_DATE, re.IGNORECASE)


def strip_boilerplate(text: str, title: str | None) -> tuple[str, tuple[str, ...]]:
    """The text without the lines that a page put around it, and these lines in their order.

    A line goes as a whole or stays; none goes that has more than `MAX_LINE_CHARS`. First lines that repeat the title or
    hold nothing but a date go too, where other text follows. The text is tidy and stays so, and of the result nothing
    more is removed: `strip_boilerplate(strip_boilerplate(text, title)[0], title)[1] == ()`.
    """
    lines = text.split("\n")
    kept: list[str] = []
    removed: list[str] = []
    heads: list[str] = []
    for line in lines:
        if not line:
            if kept and kept[-1]:
                kept.append(line)
        elif len(line) > MAX_LINE_CHARS:
            kept.append(line)
        elif is_boilerplate(line):
            removed.append(line)
        elif not kept and _is_head(line, title):
            removed.append(line)
            heads.append(line)
        else:
            kept.append(line)
    if not removed:
        return text, ()
    while kept and not kept[-1]:
        kept.pop()
    if heads and not kept:
        return "\n".join(heads), tuple(line for line in removed if line not in heads)
    return "\n".join(kept), tuple(removed)


def is_boilerplate(line: str) -> bool:
    """Whether the line, of at most `MAX_LINE_CHARS`, is one that pages put around texts."""
    core = line.removesuffix("...").strip(_FRAME)
    pattern = _OPENED.get(core[:_OPENING].lower()) or _OPENED.get(core[:1])
    if pattern is not None and _compiled(pattern).fullmatch(core):
        return True
    core = core.rstrip(".")
    pattern = _CLOSED.get(core[-_ENDING:].lower())
    return pattern is not None and _compiled(pattern).fullmatch(core) is not None


def _is_head(line: str, title: str | None) -> bool:
    if title and len(line) < 2 * len(title) and (line == title or fold(line) == fold(title)):
        return True
    return line[-1].isalnum() and _DATE_LINE.fullmatch(line) is not None
