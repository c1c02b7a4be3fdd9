// German: the page to make a meeting.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Home>} */
export default {
  optional: 'optional',
  'home.welcome': 'Ein eigener Raum, solange Sie sprechen.',
  'home.lead':
    'Starten Sie ein Meeting und teilen Sie den Link. Wenn es endet, bleibt nichts zurück: keine Aufzeichnung, ' +
    'kein Chat, keine Teilnehmerliste.',
  'home.new': 'Neues Meeting',
  'home.new.options': 'Meeting-Optionen',
  'home.join': 'Teilnehmen',
  'home.join.label': 'Meeting-Adresse oder -ID',
  'home.join.placeholder': 'k7qm-2f9x-w3dj-8hrt',
  'home.join.invalid':
    'Das ist keine Meeting-Adresse. Fügen Sie den ganzen Link ein, oder geben Sie die vier Gruppen von je vier ' +
    'Buchstaben und Ziffern ein.',
  'home.fact.gone': 'Nach dem Ende ist alles weg',
  'home.fact.gone.text': {
    one: 'Meetings existieren nur im Arbeitsspeicher, höchstens eine Stunde lang.',
    other: 'Meetings existieren nur im Arbeitsspeicher, höchstens {n} Stunden lang.',
  },
  'home.fact.none': 'Nichts wird aufgezeichnet',
  'home.fact.none.text': 'Keine Aufzeichnungen, kein Chatverlauf, keine Nutzungsanalyse.',
  'home.fact.audited': 'Inhalte werden nicht aufgezeichnet',
  'home.fact.audited.text': 'Keine Aufzeichnungen, kein Chatverlauf. Dieser Server protokolliert, wer wann was tut.',
  'home.fact.here': 'Ein Server, keine Dritten',
  'home.fact.here.text': 'Diese Seite verbindet sich nur mit dem Server, von dem sie kommt.',
  'home.nohost': 'Sie können auf diesem Server an Meetings teilnehmen, aber keine erstellen.',
  'options.title': 'Titel',
  'options.title.placeholder': 'Teambesprechung',
  'options.password': 'Meeting-Passwort',
  'options.password.help': 'Alle, die teilnehmen, müssen es eingeben. Senden Sie es nicht zusammen mit dem Link.',
  'options.lobby.help': 'Sie lassen Personen einzeln oder alle auf einmal ein.',
  'options.guests': 'Gäste',
  'options.guests.help':
    'Personen ohne Anmeldung dürfen um Einlass bitten. Sie sehen, dass sie nicht verifiziert sind.',
  'options.leaves': 'Wenn der Host geht',
  'options.leaves.promote': 'Jemand anderes wird Host',
  'options.leaves.keep': 'Das Meeting läuft ohne Host weiter',
  'options.leaves.end': 'Das Meeting endet',
  'options.create': 'Meeting erstellen',
  'options.private': 'Vor dem Server verbergen, wer spricht',
  'options.private.help':
    'Lautstärkepegel werden nicht gesendet. Niemand wird als sprechend angezeigt, und die Lautesten haben keinen ' +
    'Vorrang.',
  'options.e2ee': 'Ende-zu-Ende-Verschlüsselung',
  'options.e2ee.help': 'Nur die Personen im Meeting sehen, hören und lesen es. Dieser Server nicht.',
  'options.e2ee.off':
    'Alle sehen ständig einen Hinweis, dass dieser Server das Meeting sehen und hören könnte. Sie können das ' +
    'später nicht ändern.',
  'options.confidential': 'Vertrauliches Meeting',
  'options.confidential.help': 'Verschlüsselt, mit Warteraum, ohne Gäste. Wasserzeichen zeigen, wer zusieht.',
  'options.confidential.all':
    'Meetings auf diesem Server sind vertraulich: verschlüsselt, mit Warteraum und ohne Gäste.',
  'rooms.title': 'Ihre Räume',
  'rooms.lead':
    'Der Link eines Raums bleibt gleich: planen, verschicken und beliebig oft öffnen. Räume gibt es nur auf ' +
    'diesem Gerät.',
  'rooms.new': 'Neuer Raum',
  'rooms.make': 'Raum anlegen',
  'rooms.made': 'Ihr Raum ist bereit. Sie können den Link schon verschicken; er führt hinein, sobald Sie öffnen.',
  'rooms.passing':
    'Dieser Browser speichert nichts. Der Raum ist weg, wenn Sie diese Seite schließen, außer Sie sichern ihn ' +
    'in einer Datei.',
  'rooms.full': 'Räume auf diesem Gerät: höchstens {n}. Löschen Sie zuerst einen.',
  'rooms.name': 'Name',
  'rooms.name.empty': 'Geben Sie dem Raum einen Namen.',
  'rooms.password.help': 'Verschicken Sie es getrennt vom Link. Es wird mit dem Raum auf diesem Gerät aufbewahrt.',
  'rooms.open': 'Öffnen',
  'rooms.open.named': '{name} öffnen',
  'rooms.more': 'Mehr zu {name}',
  'rooms.copy': 'Link kopieren',
  'rooms.copied': 'Link kopiert.',
  'rooms.calendar': 'Kalendereinladung',
  'rooms.calendar.text':
    'Kalender bewahren den Link mit seinem Schlüssel auf. Wer den Kalender lesen kann, hat auch den Schlüssel.',
  'rooms.invitation': 'Am Meeting „{title}“ teilnehmen',
  'rooms.when': 'Beginn',
  'rooms.when.empty': 'Wählen Sie Tag und Uhrzeit.',
  'rooms.length': 'Dauer',
  'rooms.minutes': '{n} Min.',
  'rooms.repeat': 'Wiederholung',
  'rooms.repeat.none': 'Nie',
  'rooms.repeat.daily': 'Jeden Tag',
  'rooms.repeat.weekly': 'Jede Woche',
  'rooms.repeat.monthly': 'Jeden Monat',
  'rooms.export': 'In Datei sichern',
  'rooms.export.text':
    'Wer die Datei hat, kann diesen Raum öffnen und andere einlassen. Bewahren Sie sie auf wie einen Schlüssel.',
  'rooms.import': 'Aus Datei',
  'rooms.imported': 'Hinzugefügte Räume: {n}',
  'rooms.import.failed': 'Das ist keine Datei mit Räumen, oder sie enthält zu viele.',
  'rooms.erase': 'Löschen',
  'rooms.erase.title': '{name} löschen?',
  'rooms.erase.text': 'Ohne gesicherte Datei lässt sich der Link nie wieder öffnen, und Einladungen führen ins Leere.',
  'notopen.title': 'Noch nicht geöffnet',
  'notopen.text':
    'Noch nicht geöffnet, oder der Link ist unvollständig. Sie können um Einlass bitten, sobald der Host beginnt.',
  'notopen.mine': 'Das ist Ihr Meeting. Wer darauf wartet, kann um Einlass bitten, sobald Sie es öffnen.',
  'notopen.back': 'Der Host muss dieses Meeting wieder öffnen. Sobald es offen ist, geht es von selbst weiter.',
  'notopen.now': 'Das Meeting ist jetzt geöffnet.',
  'notopen.open': 'Öffnen',
};
