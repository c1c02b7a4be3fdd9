// German: the connection check.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Check>} */
export default {
  'check.title': 'Verbindungsprüfung',
  'check.lead':
    'Diese Seite prüft, was ein Meeting braucht. Wenn etwas blockiert ist, sagt sie, was es ist und wer es ' +
    'beheben kann.',
  'check.scope':
    'Sie brauchen weder Anmeldung noch Meeting. Ton und Video können bis zu vier Wege nehmen. Einer, der ' +
    'funktioniert, genügt.',
  'check.run': 'Prüfung starten',
  'check.running': 'Wird geprüft …',
  'check.again': 'Erneut prüfen',
  'check.browser': 'Browser',
  'check.browser.ok': 'Dieser Browser unterstützt alles, was ein Meeting braucht.',
  'check.browser.bad': 'Dieser Browser unterstützt {what} nicht. Verwenden Sie einen aktuellen Browser über https.',
  'check.server': 'Server',
  'check.server.ok': 'Der Server antwortet in {ms} ms.',
  'check.server.bad': 'Der Server antwortet nicht. Ihr Netzwerk oder der Server ist möglicherweise ausgefallen.',
  'check.socket': 'WebSocket',
  'check.socket.ok': 'Der Signalisierungskanal funktioniert.',
  'check.socket.bad':
    'Ein Proxy, eine Firewall oder ein Virenscanner blockiert WebSockets, daher können Sie nicht teilnehmen. ' +
    'Fragen Sie Ihre Netzwerkadministration.',
  'check.udp': 'Ton und Video über UDP',
  'check.udp.ok': 'Der beste Weg. Hin und zurück dauert es {ms} ms.',
  'check.udp.bad':
    'Eine Firewall zwischen Ihnen und dem Server blockiert UDP. Meetings brauchen dann einen der folgenden Wege.',
  'check.udp.none': 'Dieser Server bietet das nicht an.',
  'check.tcp': 'Über TCP (ICE-TCP)',
  'check.tcp.ok': 'Wird verwendet, wenn UDP blockiert ist. Hin und zurück dauert es {ms} ms.',
  'check.tcp.bad': 'Eine Firewall oder ein Proxy lässt keine direkten TCP-Verbindungen durch.',
  'check.tcp.none': 'Dieser Server bietet das nicht an.',
  'check.turn': 'Über das Relay per TCP (TURN)',
  'check.turn.ok': 'Wird verwendet, wenn direkte Verbindungen blockiert sind. Hin und zurück dauert es {ms} ms.',
  'check.turn.bad': 'Eine Firewall oder ein Proxy lässt keine Verbindungen zum Relay durch.',
  'check.turn.none': 'Dieser Server bietet das nicht an.',
  'check.turns': 'Über das Relay per TLS (TURN)',
  'check.turns.ok':
    'Wird verwendet, wo nur Webverkehr erlaubt ist: Es sieht aus wie HTTPS. Hin und zurück dauert es {ms} ms.',
  'check.turns.bad': 'Ein Proxy oder ein Virenscanner untersucht verschlüsselte Verbindungen oder erlaubt nur HTTPS.',
  'check.turns.none': 'Dieser Server bietet das nicht an. Dazu braucht er ein eigenes Zertifikat und einen Hostnamen.',
  'check.after.server': 'Nicht geprüft: Der Server hat nicht geantwortet.',
  'check.busy': 'Nicht geprüft: Der Server ist ausgelastet. Versuchen Sie es in einer Minute erneut.',
  'check.best': 'Meetings funktionieren in diesem Netzwerk',
  'check.best.text': 'Ton und Video nehmen den besten Weg, UDP.',
  'check.detour': 'Meetings funktionieren in diesem Netzwerk über einen Umweg',
  'check.detour.text':
    'UDP ist blockiert, daher laufen Ton und Video über TCP. Das funktioniert, kann aber stocken, wenn das ' +
    'Netzwerk langsam ist.',
  'check.blocked': 'Meetings funktionieren in diesem Netzwerk nicht',
  'check.blocked.text':
    'Alle Wege für Ton und Video sind blockiert. Ein anderes Netzwerk, zum Beispiel der Hotspot eines Telefons, ' +
    'könnte funktionieren.',
  'check.admin': 'Was Sie Ihrer Netzwerkadministration mitteilen können',
  'check.admin.text':
    'Bitte lassen Sie UDP und TCP auf Port {port} zu {host} ({where}) zu. Browser senden Ton und Video der ' +
    'Meetings dorthin, immer verschlüsselt (DTLS-SRTP), und an keinen anderen Server.',
  'check.operator':
    'Wenn niemand von irgendwo teilnehmen kann, ist die Adresse oder der Port des Servers falsch eingestellt: ' +
    'Sagen Sie es dem Betreiber.',
  'check.devices': 'Geräte',
  'check.devices.ok': { one: 'Ein Mikrofon oder eine Kamera gefunden.', other: '{n} Mikrofone und Kameras gefunden.' },
  'check.devices.none': 'Weder Mikrofon noch Kamera gefunden. Sie können trotzdem zusehen und zuhören.',
  'check.signin': 'Melden Sie sich an, um auch den Signalisierungskanal zu prüfen.',
  'check.status.ok': 'Funktioniert',
  'check.status.bad': 'Blockiert',
  'check.status.warn': 'Hinweis',
  'check.status.none': 'Nicht angeboten',
  'check.status.run': 'Wird geprüft …',
  'check.status.wait': 'Noch nicht geprüft',
};
