// German: what the first screens may say, and every error.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Start>} */
export default {
  close: 'Schließen',
  cancel: 'Abbrechen',
  dismiss: 'Schließen',
  retry: 'Erneut versuchen',
  toasts: 'Hinweise',
  loading: 'Wird geladen …',
  home: 'Zurück zur Startseite',
  language: 'Sprache',
  'language.unreviewed': 'Noch nicht von Muttersprachlern geprüft.',
  'signin.title': 'Anmelden',
  'signin.lead.audited': 'Wir senden Ihnen einen Anmeldecode per E-Mail. Ein Konto gibt es nicht.',
  'signin.lead':
    'Wir senden Ihnen einen Anmeldecode per E-Mail. Ein Konto gibt es nicht, und der Server vergisst Ihre ' +
    'Adresse, wenn Ihre Sitzung endet.',
  'signin.lead.meeting':
    'Um an diesem Meeting teilzunehmen, bestätigen Sie Ihre E-Mail-Adresse mit einem Anmeldecode. Ein Konto gibt ' +
    'es nicht.',
  'signin.email': 'E-Mail-Adresse',
  'signin.email.invalid': 'Geben Sie eine E-Mail-Adresse ein, zum Beispiel ana@example.org.',
  'signin.send': 'Code senden',
  'signin.checking': 'Ihr Browser wird geprüft … Das dauert ein paar Sekunden.',
  'signin.code.title': 'Geben Sie Ihren Anmeldecode ein',
  'signin.code.lead':
    'Wir haben einen {n}-stelligen Code an {email} gesendet. Das kann eine Minute dauern. Sehen Sie auch im ' +
    'Spam-Ordner nach.',
  'signin.code.terminal': 'Der Code für {email} steht im Terminal, in dem der Server läuft. Er hat {n} Ziffern.',
  'signin.code.failing':
    'Wir können gerade keine E-Mails senden. Wenn das bald vorbei ist, kommt Ihr Code von selbst an. Versuchen ' +
    'Sie es sonst später noch einmal.',
  'signin.code': 'Anmeldecode',
  'signin.code.invalid': 'Geben Sie alle {n} Ziffern des Codes ein.',
  'signin.verify': 'Anmelden',
  'signin.resend': 'Neuen Code senden',
  'signin.resend.in': 'Neuen Code senden in {s} s',
  'signin.resent': 'Wir haben einen neuen Code gesendet. Frühere Codes gelten nicht mehr.',
  'signin.other': 'Andere Adresse verwenden',
  'signin.expires': { one: 'Der Code läuft in einer Minute ab.', other: 'Der Code läuft in {n} Minuten ab.' },
  'signin.again': 'Ihre Sitzung ist beendet. Melden Sie sich erneut an, um fortzufahren.',
  guest: 'Gast',
  'guest.title': 'Sie sind als Gast hier',
  'guest.join': 'Als Gast teilnehmen',
  'guest.off': 'Dieser Server lässt keine Gäste zu. Melden Sie sich mit Ihrer E-Mail-Adresse an.',
  'guest.signin': 'Mit Ihrer E-Mail-Adresse anmelden',
  'guest.signin.instead': 'Stattdessen mit Ihrer E-Mail-Adresse anmelden',
  'guest.meeting.title': 'Dieses Meeting lässt keine Gäste zu',
  'guest.meeting.text':
    'Der Host lässt nur Personen ein, die sich angemeldet haben. Melden Sie sich stattdessen mit Ihrer ' +
    'E-Mail-Adresse an.',
  'home.signedin': 'Angemeldet als {email}',
  'home.signout': 'Abmelden',
  'home.operator': 'Betrieben von {operator}',
  'home.version': 'Conclave {version}',
  'home.check': 'Verbindung prüfen',
  'options.lobby': 'Warteraum',
  'prejoin.title': 'Bereit zur Teilnahme?',
  'prejoin.untitled': 'Meeting',
  'prejoin.name': 'Ihr Name',
  'prejoin.name.remember': 'Meinen Namen auf diesem Gerät merken',
  'prejoin.name.empty': 'Geben Sie den Namen ein, den andere sehen sollen.',
  'prejoin.name.long': 'Ein Name darf höchstens 64 Zeichen haben.',
  'prejoin.name.characters': 'Der Name enthält ein Zeichen, das nicht angezeigt werden kann.',
  'prejoin.password': 'Meeting-Passwort',
  'prejoin.password.empty': 'Geben Sie das Meeting-Passwort ein.',
  'prejoin.join': 'Jetzt teilnehmen',
  'prejoin.ask': 'Um Einlass bitten',
  'prejoin.joining': 'Teilnahme läuft …',
  'prejoin.preview': 'Ihre Kamera ist aus',
  'prejoin.preview.ask':
    'Nichts wird aufgenommen, bis Sie es einschalten. Andere sehen und hören Sie erst, wenn Sie teilnehmen.',
  'prejoin.preview.on': 'Andere sehen und hören Sie erst, wenn Sie teilnehmen.',
  'prejoin.back': 'Sie sind wieder im Meeting. Mikrofon und Kamera sind aus.',
  'prejoin.back.on': 'Wieder einschalten',
  'prejoin.elsewhere': 'Sie sind bereits in einem anderen Tab in diesem Meeting.',
  'prejoin.switch': 'Hierher wechseln',
  'prejoin.enable': 'Kamera und Mikrofon einschalten',
  'prejoin.enable.mic': 'Mikrofon einschalten',
  'prejoin.enable.camera': 'Kamera einschalten',
  'prejoin.off.miccamera': 'Mikrofon und Kamera sind aus: Sie nehmen ungesehen und ungehört teil.',
  'prejoin.off.mic': 'Ihr Mikrofon ist aus: Sie nehmen stumm teil.',
  'prejoin.off.camera': 'Ihre Kamera ist aus: Sie nehmen ungesehen teil.',
  'prejoin.level': 'Mikrofonpegel',
  'prejoin.level.silent':
    'Ihr Mikrofon liefert keinen Ton. Sagen Sie etwas: Der Balken sollte sich bewegen. Wenn nicht, wählen Sie ' +
    'ein anderes Mikrofon.',
  'prejoin.speaker.test': 'Lautsprecher testen',
  'prejoin.speaker.playing': 'Ein Ton wird abgespielt …',
  'prejoin.people': { one: 'Eine Person ist im Meeting.', other: '{n} Personen sind im Meeting.' },
  'prejoin.people.none': 'Noch ist niemand hier.',
  'prejoin.locked': 'Der Host hat dieses Meeting gesperrt. Im Moment kann niemand teilnehmen.',
  'prejoin.ends': 'Endet spätestens um {time}.',
  'prejoin.lobby': 'Der Host lässt die Teilnehmenden ein. Er sieht Ihren Namen und Ihre E-Mail-Adresse.',
  'prejoin.lobby.guest':
    'Der Host lässt die Teilnehmenden ein. Er sieht Ihren Namen und dass Sie ein nicht verifizierter Gast sind.',
  'prejoin.host': 'Sie haben dieses Meeting erstellt.',
  'security.on': 'Ende-zu-Ende-verschlüsselt',
  'security.on.text':
    'Der Server kann dieses Meeting weder sehen noch hören und weder den Chat noch die Namen darin lesen.',
  'security.off': 'Nicht Ende-zu-Ende-verschlüsselt',
  'security.noreview': 'Die Verschlüsselung wurde nicht unabhängig geprüft.',
  'security.limits':
    'Der Server erfährt dennoch, wer wann teilnimmt, die Netzwerkadressen, wer spricht und wie laut, und wie ' +
    'viele Daten gesendet werden. Die Verschlüsselung schützt nicht vor einer veränderten Seite, einem ' +
    'kompromittierten Gerät oder Teilnehmenden, die aufzeichnen.',
  'elsewhere.title': 'Sie sind bereits in diesem Meeting',
  'elsewhere.text':
    'Dieses Gerät ist in einem anderen Tab oder Fenster in diesem Meeting. Wenn Sie hierher wechseln, verlässt ' +
    'es das Meeting dort.',
  'badlink.incomplete.title': 'Dieser Link ist unvollständig',
  'badlink.incomplete.text': 'Der Teil nach # ist der Schlüssel. Bitten Sie um den ganzen Link.',
  'badlink.downgrade.title': 'Dieses Meeting passt nicht zu seinem Link',
  'badlink.downgrade.text':
    'Der Link ist für ein verschlüsseltes Meeting, aber der Server sagt, es sei nicht verschlüsselt. Zur ' +
    'Sicherheit haben Sie nicht teilgenommen.',
  'security.transport.text':
    'Ihr Ton und Ihr Video sind zwischen Ihnen und dem Server sowie zwischen dem Server und den anderen ' +
    'verschlüsselt. Der Server selbst hat Zugriff darauf, während er sie weiterleitet. Er zeichnet sie nicht auf ' +
    'und speichert sie nicht, aber sein Betreiber könnte mithören.',
  'security.none.stored': 'Nichts wird gespeichert',
  'security.none.stored.text': 'Das Meeting existiert nur im Arbeitsspeicher. Wenn es endet, ist alles weg.',
  'confidential.title': 'Vertrauliches Meeting',
  'confidential.what':
    'Ein Host lässt alle Teilnehmenden einzeln ein. Die Bilder tragen Ihren Namen und die Uhrzeit. Nach 15 ' +
    'Minuten Abwesenheit werden Sie abgemeldet.',
  'confidential.recording':
    'Kein Browser kann Aufzeichnungen erkennen oder verhindern. Jede Person hier könnte ihren Bildschirm filmen ' +
    'oder den Ton aufnehmen.',
  'audit.title': 'Dieser Server führt ein Prüfprotokoll',
  'audit.records':
    'Es hält fest, wer sich anmeldet, teilnimmt, geht, den Bildschirm teilt oder ein Meeting verwaltet, und ' +
    'wann. Nur die vom Betreiber bestimmten Personen können es lesen.',
  'audit.never': 'Es hält niemals fest, was Sie sagen, zeigen, schreiben oder als Ihren Namen eingeben.',
  'device.mic': 'Mikrofon',
  'device.camera': 'Kamera',
  'device.speaker': 'Lautsprecher',
  'device.default': 'Systemstandard',
  'device.unnamed': '{kind} {n}',
  'device.denied.camera':
    'Ihr Browser blockiert die Kamera. Erlauben Sie sie am Anfang der Adressleiste und versuchen Sie es erneut.',
  'device.denied.mic':
    'Ihr Browser blockiert das Mikrofon. Erlauben Sie es am Anfang der Adressleiste und versuchen Sie es erneut.',
  'device.denied.screen': 'Ihr Bildschirm wurde nicht geteilt: Der Browser oder das System erlaubt es nicht.',
  'device.denied.both':
    'Ihr Browser blockiert Mikrofon und Kamera. Erlauben Sie sie am Anfang der Adressleiste und versuchen Sie es ' +
    'erneut.',
  'device.missing.both': 'Weder Mikrofon noch Kamera gefunden. Sie können trotzdem teilnehmen, zusehen und zuhören.',
  'device.missing.camera': 'Keine Kamera gefunden. Sie können ohne Kamera teilnehmen.',
  'device.missing.mic': 'Kein Mikrofon gefunden. Sie können trotzdem teilnehmen und zuhören.',
  'device.busy.camera': 'Ein anderes Programm verwendet die Kamera.',
  'device.busy.mic': 'Ein anderes Programm verwendet das Mikrofon.',
  'device.failed': 'Das Gerät konnte nicht gestartet werden.',
  'device.lost.mic': 'Ihr Mikrofon ist ausgefallen. Andere können Sie nicht hören.',
  'device.lost.camera': 'Ihre Kamera ist ausgefallen. Andere können Sie nicht sehen.',
  'device.use': '{name} verwenden',
  'device.insecure': 'Kamera und Mikrofon funktionieren nur auf einer sicheren Seite (https).',
  'call.title': 'Meeting',
  'call.mic.on': 'Stummschalten',
  'call.mic.off': 'Stummschaltung aufheben',
  'call.camera.on': 'Kamera ausschalten',
  'call.camera.off': 'Kamera einschalten',
  'call.back.title': 'Meeting verlassen?',
  'call.back.text': 'Solange es läuft, können Sie wieder teilnehmen.',
  'call.leave.only': 'Meeting verlassen',
  'error.title': 'Das hat nicht funktioniert',
  'error.unknown': 'Etwas ist schiefgegangen.',
  'error.network': 'Der Server ist nicht erreichbar. Prüfen Sie Ihre Verbindung.',
  'error.identity_present': 'Sie sind bereits in einem anderen Tab oder Fenster in diesem Meeting.',
  'error.log_gone': 'Das Meeting ging ohne Sie weiter. Nehmen Sie erneut teil.',
  'error.not_taken': 'Jemand war schneller. Versuchen Sie es erneut.',
  'error.bad_json': 'Diese Seite und der Server haben sich nicht verstanden. Laden Sie die Seite neu.',
  'error.unknown_type': 'Diese Seite und der Server passen nicht zusammen. Laden Sie die Seite neu.',
  'error.invalid_request': 'Der Server hat diese Eingabe nicht angenommen.',
  'error.too_large': 'Das ist zu lang.',
  'error.version': 'Diese Seite ist veraltet. Laden Sie sie neu.',
  'error.not_joined': 'Sie sind noch nicht im Meeting.',
  'error.already_joined': 'Sie sind bereits im Meeting.',
  'error.no_such_meeting':
    'Unter dieser Adresse gibt es kein Meeting. Vielleicht ist es beendet, oder der Link ist falsch.',
  'error.wrong_password': 'Das ist nicht das Meeting-Passwort.',
  'error.meeting_full': 'Das Meeting ist voll. Versuchen Sie es später noch einmal.',
  'error.server_full': 'Der Server ist voll. Versuchen Sie es später noch einmal.',
  'error.server_full.in': {
    one: 'Der Server ist voll. Versuchen Sie es in einer Sekunde erneut.',
    other: 'Der Server ist voll. Versuchen Sie es in {n} Sekunden erneut.',
  },
  'error.meeting_locked': 'Der Host hat dieses Meeting gesperrt. Im Moment kann niemand teilnehmen.',
  'error.banned': 'Sie sind für dieses Meeting gesperrt.',
  'error.resume_failed': 'Verbindung wird wiederhergestellt …',
  'error.not_permitted': 'Ihre Rolle erlaubt das nicht.',
  'error.no_such_participant': 'Diese Person hat das Meeting verlassen.',
  'error.bad_offer': 'Ton und Video konnten in diesem Browser nicht eingerichtet werden.',
  'error.no_media': 'Ton und Video sind noch nicht eingerichtet.',
  'error.rate_limited': 'Zu viele Anfragen. Warten Sie einen Moment und versuchen Sie es erneut.',
  'error.rate_limited.in': {
    one: 'Zu viele Versuche. Versuchen Sie es in einer Sekunde erneut.',
    other: 'Zu viele Versuche. Versuchen Sie es in {n} Sekunden erneut.',
  },
  'error.unauthenticated': 'Melden Sie sich zuerst an.',
  'error.bad_origin': 'Diese Seite wurde unter einer anderen Adresse geöffnet, als der Server erwartet.',
  'error.not_found': 'Der Server kennt diese Adresse nicht. Laden Sie die Seite neu.',
  'error.method_not_allowed': 'Diese Seite und der Server passen nicht zusammen. Laden Sie die Seite neu.',
  'error.unknown_host': 'Der Server antwortet nicht unter dieser Adresse. Prüfen Sie den Link.',
  'error.https_only': 'Dieser Server kann nur über https verwendet werden.',
  'error.audit_unavailable': 'Der Server kann sein Prüfprotokoll nicht schreiben und das daher gerade nicht tun.',
  'error.internal': 'Auf dem Server ist etwas schiefgegangen. Versuchen Sie es erneut.',
  'error.invalid_email': 'Geben Sie eine E-Mail-Adresse ein, zum Beispiel ana@example.org.',
  'error.invalid_code': 'Dieser Code stimmt nicht. Verwenden Sie den neuesten Code, den wir Ihnen gesendet haben.',
  'error.code_expired': 'Dieser Code ist abgelaufen. Lassen Sie sich einen neuen senden.',
  'error.proof_needed': 'Gerade melden sich viele Personen an. Versuchen Sie es gleich noch einmal.',
  'error.not_allowed': 'Mit Ihrer Adresse können Sie auf diesem Server keine Meetings erstellen.',
  'error.part':
    'Ein Teil dieser Seite konnte nicht geladen werden. Falls der Server gerade aktualisiert wurde, laden Sie ' +
    'die Seite neu.',
  'error.e2ee_required': 'Diese Seite ist veraltet. Laden Sie sie neu.',
  'error.timeout': 'Der Server hat nicht rechtzeitig geantwortet.',
  'unsupported.title': 'Dieser Browser kann nicht an Meetings teilnehmen',
  'unsupported.text':
    'Er unterstützt {what} nicht. Verwenden Sie einen aktuellen Firefox, Chrome, Edge oder Safari und öffnen Sie ' +
    'die Seite über https.',
  'notfound.title': 'Seite nicht gefunden',
  'notfound.text': 'Dieser Server hat unter dieser Adresse keine Seite.',
  'meeting.bad.title': 'Das ist keine Meeting-Adresse',
  'meeting.bad.text':
    'Eine Meeting-Adresse besteht aus vier Gruppen von je vier Buchstaben und Ziffern, zum Beispiel ' +
    'k7qm-2f9x-w3dj-8hrt.',
  'signin.restarted':
    'Der Server wurde neu gestartet. Melden Sie sich erneut an, dann geht es dort weiter, wo Sie waren.',
  'notopen.guest':
    'Noch nicht geöffnet, oder nur für angemeldete Personen. Sind Gäste erlaubt, geht es weiter, sobald der ' +
    'Host beginnt.',
  'error.challenge_expired': 'Das hat zu lange gedauert. Versuchen Sie es noch einmal.',
};
