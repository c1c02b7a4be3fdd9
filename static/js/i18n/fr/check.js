// French: the connection check.
// Not yet reviewed by a native speaker.

/** @type {import('../i18n.js').Translation<import('../i18n.js').Check>} */
export default {
  'check.title': 'Vérification de la connexion',
  'check.lead':
    'Cette page teste ce dont une réunion a besoin. Si quelque chose est bloqué, elle dit quoi, et qui peut y ' +
    'remédier.',
  'check.scope':
    'Vous n’avez besoin ni de vous connecter ni d’une réunion. Le son et la vidéo peuvent prendre jusqu’à quatre ' +
    'voies. Une seule qui fonctionne suffit.',
  'check.run': 'Lancer la vérification',
  'check.running': 'Vérification…',
  'check.again': 'Vérifier à nouveau',
  'check.browser': 'Navigateur',
  'check.browser.ok': 'Ce navigateur prend en charge tout ce dont une réunion a besoin.',
  'check.browser.bad': 'Ce navigateur ne prend pas en charge {what}. Utilisez un navigateur actuel, par https.',
  'check.server': 'Serveur',
  'check.server.ok': 'Le serveur répond en {ms} ms.',
  'check.server.bad': 'Le serveur ne répond pas. Votre réseau ou le serveur est peut-être en panne.',
  'check.socket': 'WebSocket',
  'check.socket.ok': 'Le canal de signalisation fonctionne.',
  'check.socket.bad':
    'Un proxy, un pare-feu ou un antivirus bloque les WebSockets : vous ne pouvez donc pas rejoindre de réunion. ' +
    'Adressez-vous à l’administrateur de votre réseau.',
  'check.udp': 'Son et vidéo par UDP',
  'check.udp.ok': 'La meilleure voie. L’aller-retour prend {ms} ms.',
  'check.udp.bad':
    'Un pare-feu entre vous et le serveur bloque UDP. Les réunions ont alors besoin de l’une des voies ' +
    'ci-dessous.',
  'check.udp.none': 'Ce serveur ne le propose pas.',
  'check.tcp': 'Par TCP (ICE-TCP)',
  'check.tcp.ok': 'Utilisé quand UDP est bloqué. L’aller-retour prend {ms} ms.',
  'check.tcp.bad': 'Un pare-feu ou un proxy ne laisse pas passer les connexions TCP directes.',
  'check.tcp.none': 'Ce serveur ne le propose pas.',
  'check.turn': 'Par le relais en TCP (TURN)',
  'check.turn.ok': 'Utilisé quand les connexions directes sont bloquées. L’aller-retour prend {ms} ms.',
  'check.turn.bad': 'Un pare-feu ou un proxy ne laisse pas passer les connexions vers le relais.',
  'check.turn.none': 'Ce serveur ne le propose pas.',
  'check.turns': 'Par le relais en TLS (TURN)',
  'check.turns.ok':
    'Utilisé là où seul le trafic web est autorisé : cela ressemble à HTTPS. L’aller-retour prend {ms} ms.',
  'check.turns.bad': 'Un proxy ou un antivirus inspecte les connexions chiffrées, ou n’autorise que HTTPS.',
  'check.turns.none': 'Ce serveur ne le propose pas. Il lui faut pour cela un certificat et un nom d’hôte.',
  'check.after.server': 'Non testé : le serveur n’a pas répondu.',
  'check.busy': 'Non testé : le serveur est occupé. Réessayez dans une minute.',
  'check.best': 'Les réunions fonctionnent depuis ce réseau',
  'check.best.text': 'Le son et la vidéo prennent la meilleure voie, UDP.',
  'check.detour': 'Les réunions fonctionnent depuis ce réseau, par un détour',
  'check.detour.text':
    'UDP est bloqué, le son et la vidéo passent donc par TCP. Cela fonctionne, mais peut saccader quand le ' +
    'réseau est lent.',
  'check.blocked': 'Les réunions ne fonctionnent pas depuis ce réseau',
  'check.blocked.text':
    'Toutes les voies pour le son et la vidéo sont bloquées. Un autre réseau, comme le partage de connexion d’un ' +
    'téléphone, peut fonctionner.',
  'check.admin': 'Ce qu’il faut dire à l’administrateur de votre réseau',
  'check.admin.text':
    'Veuillez autoriser UDP et TCP, port {port}, vers {host} ({where}). Les navigateurs y envoient le son et la ' +
    'vidéo des réunions, toujours chiffrés (DTLS-SRTP), et à aucun autre serveur.',
  'check.operator':
    'Si personne ne peut rejoindre, d’où que ce soit, l’adresse ou le port du serveur est mal réglé : prévenez ' +
    'son exploitant.',
  'check.devices': 'Appareils',
  'check.devices.ok': { one: '{n} micro ou caméra trouvé.', other: '{n} micros et caméras trouvés.' },
  'check.devices.none': 'Ni micro ni caméra trouvés. Vous pouvez tout de même regarder et écouter.',
  'check.signin': 'Connectez-vous pour tester aussi le canal de signalisation.',
  'check.status.ok': 'Fonctionne',
  'check.status.bad': 'Bloqué',
  'check.status.warn': 'Remarque',
  'check.status.none': 'Non proposé',
  'check.status.run': 'Test en cours…',
  'check.status.wait': 'Pas encore testé',
};
